// What a row is compared with: terms4 gives what four classes add to the loss, others_block and
// others_refined go over the other logits, row_shift tells what all differences from those have in common.
// Here that is no teacher, but a class, or a coefficient for each class.

// Targets with a coefficient for each class: probabilities, or a class with label smoothing.
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
    let columns = columns4(column);
    let own = select(0.0, parameters.target_share * row.class_weight, row.target_column != NO_TARGET);
    let of_target = select(vec4<f32>(0.0), vec4<f32>(own), columns == vec4<u32>(row.target_column));
    let coefficients = coefficients4(place, column, row.end) + of_target;

    let is_infinite = bitcast<vec4<u32>>(x) == vec4<u32>(BITS_NEGATIVE_INFINITY);
    let distance = select(distances(student, x), vec4<f32>(0.0), is_infinite);
    let e = select(exp_nonpositive(distance), vec4<f32>(0.0), is_infinite);
    let p = e * student.inverse_total;
    let at_maximum = vec4<f32>(student.state.y * student.inverse_total);
    let complement = select(1.0 - p, at_maximum, x == vec4<f32>(student.state.x));
    var terms = row_loss(coefficients, distance - student.log_total, p, complement);
    // An infinite log p is told by flags; its derivative is that at p = 0.
    terms.value = select(terms.value, vec4<f32>(0.0), is_infinite);
    terms.slope = select(terms.slope, -coefficients, is_infinite);
    terms.flags = select(0u, FLAG_CONTRIBUTES, any(coefficients != vec4<f32>(0.0)));
    let is_told = is_infinite & (columns < vec4<u32>(row.end));
    if any(is_told) {
        for (var i = 0u; i < 4u; i++) {
            if is_told[i] { terms.flags |= infinite_flag(coefficients[i]); }
        }
    }
    return terms;
}

// There is no teacher.
fn others_block(block: ptr<function, Block>, place: Place, first: u32, end: u32) {}

fn row_shift(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    held: ptr<function, Block>,
    others: ptr<function, Block>,
) -> f32 {
    return 0.0;
}

fn others_refined(state: vec2<f32>, place: Place, end: u32) -> vec2<f32> {
    return state;
}
