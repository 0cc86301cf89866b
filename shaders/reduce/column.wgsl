// What a reduction over columns takes from them; here their values. Each alternative defines
//   Column, column_at  a column, and where row 0 of it has its operands: once for each
//   terms_at           the terms of four of its values: at every four
struct Column {
    values: u32,
    weights: u32,
    result: u32,
}

fn column_at(outer: u32, column: u32) -> Column {
    return Column(
        parameters.values_offset + outer * parameters.values_outer + column,
        parameters.weights_offset + outer * parameters.weights_outer + column * parameters.weights_step,
        outer * parameters.result_outer + column * parameters.result_step,
    );
}

fn value_at(span: Span, row: u32) -> u32 {
    return values_load1(span.column.values + row * parameters.values_inner, 0u);
}

fn weight_at(span: Span, row: u32) -> u32 {
    return weights1(span.column.weights + row * parameters.weights_inner);
}

fn result_at(span: Span, row: u32) -> u32 {
    return span.column.result + row * parameters.result_inner;
}

// Four values of a column, `depth` rows apart.
fn terms_at(span: Span, position: u32) -> Terms {
    let last = span.end - 1u;
    let positions = min(vec4<u32>(position) + vec4<u32>(0u, 1u, 2u, 3u) * parameters.depth, vec4<u32>(last));
    let rows = vec4<u32>(row_at(positions.x), row_at(positions.y), row_at(positions.z), row_at(positions.w));
    let bits = vec4<u32>(value_at(span, rows.x), value_at(span, rows.y), value_at(span, rows.z), value_at(span, rows.w));
    let weights = vec4<u32>(weight_at(span, rows.x), weight_at(span, rows.y), weight_at(span, rows.z), weight_at(span, rows.w));
    var results = vec4<u32>(0u);
    if HAS_TERM {
        results = vec4<u32>(result_at(span, rows.x), result_at(span, rows.y), result_at(span, rows.z), result_at(span, rows.w));
    }
    return terms_of(bits, weights, present_at(span, position), results);
}
