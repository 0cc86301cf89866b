// The files of family/ define run, what each lane does; team/ calls it with the lane's place. Here are
// rows that are gone over for their state. Where they are HELD, the lanes of a row hold all of it in
// registers: one read of the logits, one exp per element, and one write where there is a gradient. Rows too
// long for that are streamed: each lane keeps a state, rescaled once per block, and a gradient is a second
// sweep in the opposite direction.

// Blocks whose sum is taken by itself before it joins the row's: the error of a long sum grows with
// the number of its terms, and two short ones in place of it keep it near that of a tree.
const BLOCKS_OF_PART: u32 = 16u;

fn run(place: Place) {
    let row = row_open(place);
    target_rank_open(place, row);
    let start = logits_start(place.row);
    var block: Block;
    var own = STATE_EMPTY;
    if HELD {
        let seen = block_load(&block, start, 0u, place.lane, row.end);
        terms_see(place, row, &block, seen, 0u);
        own = block_exponentials(place, &block, seen, STATE_EMPTY, 0u, row.end);
        moment_join(STATE_EMPTY, own);
    } else {
        let blocks = (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
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
    }
    let refined = lane_refined(own, start, place.lane, row.end);
    let summary = summarize(place, refined, team_merge(place, refined));
    row_close(place, row, summary);
    argmax_close(place, row);
    target_rank_close(place, row);
    if HELD {
        gradient_from_block(place, row, summary, own.x, &block);
    } else {
        gradient_from_logits(place, row, summary);
    }
}

// With the lanes' optional sums, where one HAS_SUMS: each moved to the row's maximum, and added up.
fn summarize(place: Place, own: vec2<f32>, state: vec2<f32>) -> Summary {
    if !HAS_SUMS { return Summary(state, 0.0, 0.0, 0.0, 0u); }
    let terms = terms_at(state.x);
    let sums = team_sum(place, vec4<f32>(terms, moment_at(place, own, state.x), 0.0));
    return Summary(state, sums.x, sums.y, sums.z, team_or(place, terms_flags()));
}
