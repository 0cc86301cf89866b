// What all differences of a row's logits from its teacher's have in common: T times the logarithm of
// the ratio of both sums. Where the two are close, a difference of logarithms near log C is too coarse:
// it follows there from sum_c q_c exp(-d_c) = 1, with the digits of the differences themselves.

// At temperatures from 16 on rows count as close; below, where their sums' logarithms agree so well.
const WARM: f32 = 0.0625;
const AGREEMENT: f32 = 4096.0;

fn row_shift(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    held: ptr<function, Block>,
    others: ptr<function, Block>,
) -> f32 {
    let is_special = row_is_special(student, teacher);
    let is_greater = teacher.state.y >= student.state.y;
    let inverse = select(teacher.inverse_total, student.inverse_total, is_greater);
    let size = log1p_nonnegative(abs(teacher.state.y - student.state.y) * inverse);
    let is_close = parameters.logit_scale <= WARM || size * AGREEMENT <= student.log_total + teacher.log_total;
    // Near classes: how much exp(-d) makes of q too much, in units, and p.
    var sums = vec2<f32>(0.0);
    if is_close && !is_special {
        let start = logits_start(place.row);
        let blocks = block_count(row);
        for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
            var surplus = vec4<f32>(0.0);
            var near = vec4<f32>(0.0);
            for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
                let first = b * BLOCK_COLUMNS;
                if !HELD {
                    logits_block(held, start, first, place.lane, row.end);
                    others_block(others, place, first, row.end);
                }
                for (var k = 0u; k < VECTORS; k++) {
                    if first + block_column(k, place.lane) < row.end {
                        let pair = pair4(student, teacher, 0.0, (*held)[k], (*others)[k]);
                        let d = clamp(pair.d, vec4<f32>(-1.0), vec4<f32>(1.0));
                        let is_near = (d == pair.d) & !(pair.student_has_none | pair.teacher_has_none);
                        let of_near = pair.q * pair.in_units * fma(d, excess_ratio(d), vec4<f32>(-1.0));
                        surplus += select((pair.p - pair.q) * parameters.unit, of_near, is_near);
                        near += select(vec4<f32>(0.0), pair.p, is_near);
                    }
                }
            }
            sums += vec2<f32>((surplus.x + surplus.y) + (surplus.z + surplus.w), (near.x + near.y) + (near.z + near.w));
        }
    }
    let all = team_sum(place, vec4<f32>(sums, 0.0, 0.0));
    if TEAM_MEETS_IN_MEMORY { workgroupBarrier(); } // the sums have been read
    // Where most of the student lies far from the teacher, the difference of logarithms does.
    if all.y < 0.5 { return parameters.unit * select(-size, size, is_greater); }
    let ratio = (all.x / all.y) * parameters.logit_scale;
    return -parameters.unit * log_positive(1.0 + ratio, ratio);
}
