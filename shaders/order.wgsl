// What the order of a row's logits tells: the most likely class, where one FINDS_ARGMAX, and how many
// classes come before the target, where one RANKS_TARGET. argmax_see and target_rank_see see each vector as
// it is loaded, argmax_close and target_rank_close write what came of it.

// Logits in the order of torch.topk: the smaller, the greater the logit; 0 for NaN. Compared as integers,
// special values need no float rule.
fn logit_order(bits: vec4<u32>) -> vec4<u32> {
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    let falling = vec4<u32>(0x7fffffffu) - magnitude;
    let rising = vec4<u32>(0x7fffffffu) + magnitude;
    let order = select(falling, rising, bits > vec4<u32>(0x7fffffffu));
    return select(order, vec4<u32>(0u), magnitude > vec4<u32>(BITS_INFINITY));
}

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
    if !FINDS_ARGMAX { return; }
    let order = logit_order(bits);
    let columns = columns4(column);
    best = better(best, Best(order.x, columns.x));
    best = better(best, Best(order.y, columns.y));
    best = better(best, Best(order.z, columns.z));
    best = better(best, Best(order.w, columns.w));
}

fn argmax_close(place: Place, row: Row) {
    if !FINDS_ARGMAX { return; }
    let order = team_lowest(place, best.order);
    let column = team_lowest(place, select(0xffffffffu, best.column, best.order == order));
    if place.row < parameters.rows && place.lane == 0u {
        record_write(place, WORD_ARGMAX, column);
        state_save_argmax(place, column);
        if !RANKS_TARGET {
            record_write(place, WORD_CORRECT, select(0u, 1u, row.is_counted && column == row.target_column));
        }
    }
}

// How many classes come before the target: those of a greater logit and, of an equal one, those below
// it. The target's logit is read ahead by every lane of the row, so that one read of the others will do.
var<private> target_order: u32;
var<private> target_label: u32;
var<private> classes_before: vec4<u32>;

fn target_rank_open(place: Place, row: Row) {
    if !RANKS_TARGET { return; }
    if !row.is_counted || !row.is_valid { return; }
    target_label = row_label(place);
    let start = row_start(parameters.logits_offset, parameters.logits_stride, place.row);
    let stored = vec4<u32>(logits_load1(start, target_label));
    target_order = logit_order(ranked(stored, 0u, 4u)).x;
}

// Beyond the row's end bits are those of -inf, whose column is above any target's.
fn target_rank_see(bits: vec4<u32>, column: u32) {
    if !RANKS_TARGET { return; }
    let order = logit_order(bits);
    let is_below = columns4(column) + vec4<u32>(first_column()) < vec4<u32>(target_label);
    let before = (order < vec4<u32>(target_order)) | ((order == vec4<u32>(target_order)) & is_below);
    classes_before += select(vec4<u32>(0u), vec4<u32>(1u), before);
}

fn target_rank_close(place: Place, row: Row) {
    if !RANKS_TARGET { return; }
    let own = (classes_before.x + classes_before.y) + (classes_before.z + classes_before.w);
    let rank = team_count(place, own);
    if row.closes {
        target_rank_write(place, row, rank);
        state_save_rank(place, row, rank);
    }
}
