// Family `streamed`: rows too long to hold. Each lane keeps a state, rescaled once per block; a
// gradient is a second sweep in the opposite direction.
fn run(place: Place) {
    let row = row_open(place);
    let start = logits_start(place.row);
    let blocks = (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
    var block: array<vec4<f32>, VECTORS>;
    var best = argmax_start();
    var own = STATE_EMPTY;
    for (var b = 0u; b < blocks; b++) {
        let first = b * BLOCK_COLUMNS;
        let seen = block_load(&block, start, first, place.lane, row.end);
        best = argmax_block(best, &block, first, place.lane);
        own = block_exponentials(&block, seen, own, start, first, place.lane, row.end);
    }
    let state = team_merge(place, own);
    row_close(place, row, state);
    argmax_close(place, row, best);
    gradient_from_logits(place, row, state);
}
