// The most likely class: the lowest column of the greatest logit, the first NaN's where there is
// one, as torch.argmax. Compared as integers, so that special values need no float rule.
struct Best {
    rank: u32,   // the smaller, the greater the logit; 0 for NaN
    column: u32,
}

var<private> best: Best = Best(0xffffffffu, 0xffffffffu);

fn rank_of(bits: vec4<u32>) -> vec4<u32> {
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    let falling = vec4<u32>(0x7fffffffu) - magnitude;
    let rising = vec4<u32>(0x7fffffffu) + magnitude;
    let rank = select(falling, rising, bits > vec4<u32>(0x7fffffffu));
    return select(rank, vec4<u32>(0u), magnitude > vec4<u32>(BITS_INFINITY));
}

fn better(a: Best, b: Best) -> Best {
    if b.rank < a.rank || (b.rank == a.rank && b.column < a.column) { return b; }
    return a;
}

fn argmax_see(bits: vec4<u32>, column: u32) {
    let rank = rank_of(bits);
    let columns = columns4(column);
    best = better(best, Best(rank.x, columns.x));
    best = better(best, Best(rank.y, columns.y));
    best = better(best, Best(rank.z, columns.z));
    best = better(best, Best(rank.w, columns.w));
}

fn argmax_close(place: Place, row: Row) {
    let rank = team_lowest(place, best.rank);
    let column = team_lowest(place, select(0xffffffffu, best.column, best.rank == rank));
    if place.row < parameters.rows && place.lane == 0u {
        argmax_write(place, row, column);
    }
}
