// Families `team` and `resident`: the lanes of a row hold all of it in registers. One read of the
// logits, one exp per element, and one write where there is a gradient.
fn run(place: Place) {
    let row = row_open(place);
    var block: array<vec4<f32>, VECTORS>;
    let start = logits_start(place.row);
    let seen = block_load(&block, start, 0u, place.lane, row.end);
    let best = argmax_block(argmax_start(), &block, 0u, place.lane);
    let own = block_exponentials(&block, seen, STATE_EMPTY);
    let state = team_merge(place, lane_refined(own, start, place.lane, row.end));
    row_close(place, row, state);
    argmax_close(place, row, best);
    gradient_from_block(place, row, state, own.x, &block);
}
