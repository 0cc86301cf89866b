// The most likely class: the lowest column of the greatest logit, the first NaN's where there is
// one, as torch.argmax.
struct Best {
    order: u32, // of logit_order
    column: u32,
}

var<private> best: Best = Best(0xffffffffu, 0xffffffffu);

fn better(a: Best, b: Best) -> Best {
    if b.order < a.order || (b.order == a.order && b.column < a.column) { return b; }
    return a;
}

fn argmax_see(bits: vec4<u32>, column: u32) {
    let order = logit_order(bits);
    let columns = columns4(column);
    best = better(best, Best(order.x, columns.x));
    best = better(best, Best(order.y, columns.y));
    best = better(best, Best(order.z, columns.z));
    best = better(best, Best(order.w, columns.w));
}

fn argmax_close(place: Place, row: Row) {
    let order = team_lowest(place, best.order);
    let column = team_lowest(place, select(0xffffffffu, best.column, best.order == order));
    if place.row < parameters.rows && place.lane == 0u {
        argmax_write(place, row, column);
    }
}
