// The most likely class: the lowest column of the greatest logit, the first NaN's where there is
// one, as torch.argmax. Compared as integers, so that special values need no float rule.
@group(0) @binding(6) var<storage, read_write> argmaxima: array<u32>;

struct Best {
    rank: u32,   // the smaller, the greater the logit; 0 for NaN
    column: u32,
}

fn argmax_start() -> Best {
    return Best(0xffffffffu, 0xffffffffu);
}

fn rank_of(x: vec4<f32>) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(x);
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

fn argmax_block(best: Best, block: ptr<function, array<vec4<f32>, VECTORS>>, first: u32, lane: u32) -> Best {
    var found = best;
    for (var k = 0u; k < VECTORS; k++) {
        let rank = rank_of((*block)[k]);
        let column = first + block_column(k, lane);
        found = better(found, Best(rank.x, column));
        found = better(found, Best(rank.y, column + 1u));
        found = better(found, Best(rank.z, column + 2u));
        found = better(found, Best(rank.w, column + 3u));
    }
    return found;
}

fn argmax_close(place: Place, row: Row, best: Best) {
    let rank = team_lowest(place, best.rank);
    let column = team_lowest(place, select(0xffffffffu, best.column, best.rank == rank));
    if place.row < parameters.rows && place.lane == 0u {
        argmaxima[parameters.argmax_offset + place.row] = column;
    }
}
