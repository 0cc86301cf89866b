// Family `streamed`: rows too long to hold. Each lane keeps a state, rescaled once per block; a
// gradient is a second sweep in the opposite direction.

// Blocks whose sum is taken by itself before it joins the row's: the error of a long sum grows with
// the number of its terms, and two short ones in place of it keep it near that of a tree.
const BLOCKS_OF_PART: u32 = 16u;

fn run(place: Place) {
    let row = row_open(place);
    target_rank_open(place, row);
    let start = logits_start(place.row);
    let blocks = (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
    var block: Block;
    var own = STATE_EMPTY;
    for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
        var partial = STATE_EMPTY;
        for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
            let first = b * BLOCK_COLUMNS;
            let seen = block_load(&block, start, first, place.lane, row.end);
            terms_see(place, row, &block, seen, first);
            partial = block_exponentials(place, &block, seen, partial, first, row.end);
        }
        moment_join(own, partial);
        own = state_merge(own, partial);
    }
    let refined = lane_refined(own, start, place.lane, row.end);
    let summary = summarize(place, refined, team_merge(place, refined));
    row_close(place, row, summary);
    argmax_close(place, row);
    target_rank_close(place, row);
    gradient_from_logits(place, row, summary);
}
