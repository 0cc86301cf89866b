// A teacher's softmax: d = log p_t - log p_s from the difference of the logits, which loses no digit
// where the two are close; where they are far apart, from their distances to their maxima.
fn terms4(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    column: u32,
    x: vec4<f32>,
    other: vec4<f32>,
) -> Terms {
    let negative_infinity = vec4<u32>(BITS_NEGATIVE_INFINITY);
    let student_has_none = bitcast<vec4<u32>>(x) == negative_infinity;
    let teacher_has_none = bitcast<vec4<u32>>(other) == negative_infinity;
    let has_none = student_has_none | teacher_has_none;
    // Finite, so that nothing below is inf - inf.
    let least = vec4<f32>(LOWEST);
    let distance = max(distances(student, x), least);
    let other_distance = max(distances(teacher, other), least);
    let p = select(exp_nonpositive(distance), vec4<f32>(0.0), student_has_none) * student.inverse_total;
    let q = select(exp_nonpositive(other_distance), vec4<f32>(0.0), teacher_has_none) * teacher.inverse_total;

    let apart = teacher.state.x - student.state.x;
    var difference = ((other - x) - apart) * parameters.logit_scale;
    if abs(apart) > 64.0 { difference = other_distance - distance; }
    let d = clamp(difference - (teacher.log_total - student.log_total), least, -least);
    var terms = row_loss(p, q, select(d, vec4<f32>(0.0), has_none));
    if any(has_none) {
        terms = without_class(terms, p, q, student_has_none, teacher_has_none);
    }
    let is_beyond = (d == -least) & !has_none;
    if any(is_beyond) {
        // The teacher's own distance is nothing beside the student's, where q is not 0.
        let quarter = 0.25 * student.state.x - 0.25 * x;
        terms = beyond_numbers(terms, (q * parameters.logit_scale) * quarter, is_beyond);
    }
    return terms;
}
