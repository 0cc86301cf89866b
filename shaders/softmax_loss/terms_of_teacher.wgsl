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
