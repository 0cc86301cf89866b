// row_finish makes of a row's states its loss and its gradient. Here: a loss of the target's log-probability alone: with u its derivative in that, the gradient is
// u (1 - p) at the target and -u p elsewhere.
fn row_finish(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    held: ptr<function, Block>,
    others: ptr<function, Block>,
) {
    // The target's logit is its owner's, who may overwrite it: the others learn it from there.
    let is_owner = row.closes && row.target_column != NO_TARGET;
    let is_finite = is_owner && row.target_bits != BITS_NEGATIVE_INFINITY && !state_is_special(student.state);
    let logit = bitcast<f32>(select(0u, row.target_bits, is_finite));
    var known = vec4<f32>(logit, select(0.0, 1.0, is_finite), 0.0, 0.0);
    if HAS_GRADIENT { known = team_sum(place, known); }

    let coefficient = parameters.target_share * row.class_weight;
    let distance = distances(student, vec4<f32>(known.x));
    let p = exp_distance(vec4<f32>(known.x), vec4<f32>(student.state.x)) * student.inverse_total;
    var complement = 1.0 - p;
    if known.x == student.state.x { complement = vec4<f32>(student.state.y * student.inverse_total); }
    var flags = select(FLAG_CONTRIBUTES, 0u, coefficient == 0.0);
    var terms = row_loss(vec4<f32>(coefficient), distance - student.log_total, p, complement);
    if known.y == 0.0 {
        flags |= infinite_flag(coefficient);
        terms = Terms(vec4<f32>(0.0), vec4<f32>(-coefficient), vec4<f32>(0.0), 0u);
        complement = vec4<f32>(1.0);
    }
    let is_special = row_is_special(student, teacher);
    row_close(place, row, is_special, Totals(terms.value.x, terms.slope.x, flags));
    if !HAS_GRADIENT { return; }

    let found = row_factor(place, row, is_special, flags);
    let slope = found.factor * terms.slope.x;
    let scale = -slope * student.inverse_total;
    let at_target = vec4<f32>(slope * complement.x);
    let start = logits_start(place.row);
    let blocks = block_count(row);
    for (var b = blocks; b > 0u; b--) {
        let first = (b - 1u) * BLOCK_COLUMNS;
        if !HELD { logits_block(held, start, first, place.lane, row.end); }
        for (var k = 0u; k < VECTORS; k++) {
            let column = first + block_column(k, place.lane);
            if column < row.end {
                let values = scale * exp_nonpositive(distances(student, (*held)[k]));
                let is_target = columns4(column) == vec4<u32>(row.target_column);
                gradient_write(place, row, column, select(values, at_target, is_target), found.is_nan);
            }
        }
    }
}
