// How many classes come before the target: those of a greater logit and, of an equal one, those below
// it. The target's logit is read ahead by every lane of the row, so that one read of the others will do.
var<private> target_order: u32;
var<private> target_label: u32;
var<private> classes_before: vec4<u32>;

fn target_rank_open(place: Place, row: Row) {
    if !row.is_counted || !row.is_valid { return; }
    target_label = u32(targets[parameters.targets_offset + place.row]);
    let start = row_start(parameters.logits_offset, parameters.logits_stride, place.row);
    let stored = vec4<u32>(logits_load1(start, target_label));
    target_order = logit_order(ranked(stored, 0u, 4u)).x;
}

// Beyond the row's end bits are those of -inf, whose column is above any target's.
fn target_rank_see(bits: vec4<u32>, column: u32) {
    let order = logit_order(bits);
    let is_below = columns4(column) + vec4<u32>(first_column()) < vec4<u32>(target_label);
    let before = (order < vec4<u32>(target_order)) | ((order == vec4<u32>(target_order)) & is_below);
    classes_before += select(vec4<u32>(0u), vec4<u32>(1u), before);
}

fn target_rank_close(place: Place, row: Row) {
    let own = (classes_before.x + classes_before.y) + (classes_before.z + classes_before.w);
    let rank = team_count(place, own);
    if row.closes {
        target_rank_write(place, row, rank);
    }
}
