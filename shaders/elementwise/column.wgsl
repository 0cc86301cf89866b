// Columns of elements, whose losses are the terms. Where there is a gradient it is written as the
// elements come.

// Where row 0 of a column has its operands.
struct Column {
    values: u32,
    weights: u32,
    targets: u32,
    third: u32,
    upstream: u32,
    gradient: u32,
    third_gradient: u32,
    result: u32,
}

fn column_at(outer: u32, column: u32) -> Column {
    return Column(
        parameters.values_offset + outer * parameters.values_outer + column,
        parameters.weights_offset + outer * parameters.weights_outer + column * parameters.weights_step,
        parameters.targets_offset + outer * parameters.targets_outer + column,
        parameters.third_offset + outer * parameters.third_outer + column * parameters.third_step,
        parameters.upstream_offset + outer * parameters.upstream_outer + column * parameters.upstream_step,
        parameters.gradient_offset + outer * parameters.gradient_outer + column,
        parameters.third_gradient_offset + outer * parameters.third_gradient_outer + column,
        outer * parameters.result_outer + column * parameters.result_step,
    );
}

// Four elements of a column, `depth` rows apart.
fn terms_at(span: Span, position: u32) -> Terms {
    let last = span.end - 1u;
    let positions = min(vec4<u32>(position) + vec4<u32>(0u, 1u, 2u, 3u) * parameters.depth, vec4<u32>(last));
    var rows: vec4<u32>;
    var x: vec4<u32>;
    var t: vec4<u32>;
    var third: vec4<u32>;
    var weights: vec4<u32>;
    for (var k = 0u; k < 4u; k++) {
        let row = row_at(positions[k]);
        rows[k] = row;
        x[k] = values_load1(span.column.values + row * parameters.values_inner, 0u);
        t[k] = targets_load1(span.column.targets + row * parameters.targets_inner, 0u);
        third[k] = third1(span.column.third + row * parameters.third_inner);
        weights[k] = weights1(span.column.weights + row * parameters.weights_inner);
    }
    let present = present_at(span, position);
    count4(x, t, weights, present);
    let losses = losses4(x, t, third);
    if HAS_GRADIENT { write_gradients(span.column, rows, present, losses, weights); }
    return terms_of(losses.values, weights, present, vec4<u32>(0u));
}

fn write_gradients(column: Column, rows: vec4<u32>, present: u32, losses: Losses, weights: vec4<u32>) {
    var upstream: vec4<u32>;
    for (var k = 0u; k < 4u; k++) { upstream[k] = upstream1(column.upstream + rows[k] * parameters.upstream_inner); }
    let factors = factors4(upstream, vec4<u32>(column.result) + rows * parameters.result_inner);
    store_apart(vec4<u32>(column.gradient) + rows * parameters.gradient_inner, present, gradients4(losses.derivatives, weights, factors));
    if HAS_THIRD_GRADIENT {
        let places = vec4<u32>(column.third_gradient) + rows * parameters.third_gradient_inner;
        third_gradient_store_apart(places, present, gradients4(losses.of_third, weights, factors));
    }
}
