// A loss with a term for each class: u_c its derivative in log p_c, the gradient is
// u_c - p_c sum_k u_k. Where KNOWS_SUM that sum needs no sweep of its own, and the slopes are
// gradients already.
fn row_finish(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    held: ptr<function, Block>,
    others: ptr<function, Block>,
) {
    let is_special = row_is_special(student, teacher);
    let start = logits_start(place.row);
    let blocks = block_count(row);
    let shift = row_shift(place, row, student, teacher, held, others);
    var early = Factor(0.0, false);
    if KNOWS_SUM { early = row_factor(place, row, is_special, FLAG_CONTRIBUTES); }
    var value = 0.0;
    var slope = 0.0;
    var flags = 0u;
    // From the last block to the first, so that what the first sweep read last comes first.
    for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
        var values = vec4<f32>(0.0);
        var slopes = vec4<f32>(0.0);
        for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
            let first = (blocks - 1u - b) * BLOCK_COLUMNS;
            if !HELD {
                logits_block(held, start, first, place.lane, row.end);
                others_block(others, place, first, row.end);
            }
            for (var k = 0u; k < VECTORS; k++) {
                let column = first + block_column(k, place.lane);
                if column < row.end {
                    let terms = terms4(place, row, student, teacher, shift, column, (*held)[k], (*others)[k]);
                    values += terms.value;
                    slopes += terms.slope;
                    flags |= terms.flags;
                    if KNOWS_SUM {
                        gradient_write(place, row, column, early.factor * terms.slope, early.is_nan);
                    }
                }
            }
        }
        value += (values.x + values.y) + (values.z + values.w);
        slope += (slopes.x + slopes.y) + (slopes.z + slopes.w);
    }
    let sums = team_sum(place, vec4<f32>(value, slope, 0.0, 0.0));
    flags = team_or(place, flags);
    row_close(place, row, is_special, Totals(sums.x, sums.y, flags));
    if KNOWS_SUM || !HAS_GRADIENT { return; }

    let found = row_factor(place, row, is_special, flags);
    for (var b = 0u; b < blocks; b++) {
        let first = b * BLOCK_COLUMNS;
        if !HELD {
            logits_block(held, start, first, place.lane, row.end);
            others_block(others, place, first, row.end);
        }
        for (var k = 0u; k < VECTORS; k++) {
            let column = first + block_column(k, place.lane);
            if column < row.end {
                let terms = terms4(place, row, student, teacher, shift, column, (*held)[k], (*others)[k]);
                let gradient = found.factor * (terms.slope - terms.p * sums.y);
                gradient_write(place, row, column, gradient, found.is_nan);
            }
        }
    }
}
