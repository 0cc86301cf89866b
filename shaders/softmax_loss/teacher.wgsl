// The teacher's logits, shaped as the student's.
fn values_start(row: u32) -> u32 {
    return part_start(row_start(parameters.targets_offset, parameters.targets_stride, row));
}

fn others_block(block: ptr<function, Block>, place: Place, first: u32, end: u32) {
    values_block(block, values_start(place.row), first, place.lane, end);
}

fn others_refined(state: vec2<f32>, place: Place, end: u32) -> vec2<f32> {
    return values_refined(state, values_start(place.row), place.lane, end);
}

// A teacher's softmax: d = log p_t - log p_s from the difference of the logits, less a shift that all
// classes have in common. Where a compiler may not assume so, everything is finite.

// T d but for the shift: from the difference of the logits, which loses no digit where the two are
// close; where they are far apart, from their distances to their maxima.
fn logits_apart(student: Softmax, teacher: Softmax, x: vec4<f32>, other: vec4<f32>) -> vec4<f32> {
    let apart = teacher.state.x - student.state.x;
    if abs(apart) > 64.0 {
        let least = vec4<f32>(LOWEST);
        return max(other - teacher.state.x, least) - max(x - student.state.x, least);
    }
    return (other - x) - apart;
}

// Of classes.
struct Pair {
    p: vec4<f32>,
    q: vec4<f32>,
    student_has_none: vec4<bool>,
    teacher_has_none: vec4<bool>,
    in_units: vec4<f32>, // d in units
    d: vec4<f32>,
}

fn pair4(student: Softmax, teacher: Softmax, shift: f32, x: vec4<f32>, other: vec4<f32>) -> Pair {
    let negative_infinity = vec4<u32>(BITS_NEGATIVE_INFINITY);
    let student_has_none = bitcast<vec4<u32>>(x) == negative_infinity;
    let teacher_has_none = bitcast<vec4<u32>>(other) == negative_infinity;
    // Finite, so that nothing below is inf - inf.
    let least = vec4<f32>(LOWEST);
    let distance = max(distances(student, x), least);
    let other_distance = max(distances(teacher, other), least);
    let p = select(exp_nonpositive(distance), vec4<f32>(0.0), student_has_none) * student.inverse_total;
    let q = select(exp_nonpositive(other_distance), vec4<f32>(0.0), teacher_has_none) * teacher.inverse_total;
    let apart = logits_apart(student, teacher, x, other) - shift;
    let in_units = select(apart, vec4<f32>(0.0), student_has_none | teacher_has_none);
    let d = clamp(in_units * parameters.logit_scale, least, -least);
    return Pair(p, q, student_has_none, teacher_has_none, in_units, d);
}

fn terms4(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    shift: f32,
    column: u32,
    x: vec4<f32>,
    other: vec4<f32>,
) -> Terms {
    let pair = pair4(student, teacher, shift, x, other);
    let has_none = pair.student_has_none | pair.teacher_has_none;
    var terms = row_loss(pair.p, pair.q, pair.d, pair.in_units);
    if any(has_none) {
        terms = without_class(terms, pair.p, pair.q, pair.student_has_none, pair.teacher_has_none);
    }
    let is_beyond = pair.d == vec4<f32>(-LOWEST);
    if any(is_beyond) {
        // The teacher's own distance is nothing beside the student's, where q is not 0.
        let quarter = 0.25 * student.state.x - 0.25 * x;
        terms = beyond_numbers(terms, (pair.q * parameters.unit) * quarter, is_beyond);
    }
    return terms;
}

// (d - 1 + exp(-d)) / d^2 for |d| <= 1, without cancellation: a polynomial of relative error 2e-8.
fn excess_ratio(d: vec4<f32>) -> vec4<f32> {
    var g = fma(d, vec4<f32>(-2.8126547e-6), vec4<f32>(2.5358644e-5));
    g = fma(d, g, vec4<f32>(-0.00019836986));
    g = fma(d, g, vec4<f32>(0.0013885394));
    g = fma(d, g, vec4<f32>(-0.008333345));
    g = fma(d, g, vec4<f32>(0.041666735));
    g = fma(d, g, vec4<f32>(-0.16666667));
    return fma(d, g, vec4<f32>(0.5));
}

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
