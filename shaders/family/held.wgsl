// Families `team` and `resident`: the lanes of a row hold all of it in registers. One read of the
// logits, one exp per element, and one write where there is a gradient.
fn run(place: Place) {
    let row = row_open(place);
    target_rank_open(place, row);
    var block: Block;
    let start = logits_start(place.row);
    let seen = block_load(&block, start, 0u, place.lane, row.end);
    terms_see(place, row, &block, seen, 0u);
    let own = block_exponentials(place, &block, seen, STATE_EMPTY, 0u, row.end);
    moment_join(STATE_EMPTY, own);
    let refined = lane_refined(own, start, place.lane, row.end);
    let summary = summarize(place, refined, team_merge(place, refined));
    row_close(place, row, summary);
    argmax_close(place, row);
    target_rank_close(place, row);
    gradient_from_block(place, row, summary, own.x, &block);
}
