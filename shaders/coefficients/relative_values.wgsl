// The upstream gradient less that of the row's first class; 0 beyond the row's end.
fn relative_values4(place: Place, column: u32, end: u32) -> vec4<f32> {
    let columns = columns4(column);
    if min(columns.x, columns.y) >= end { return vec4<f32>(0.0); }
    let start = row_start(parameters.targets_offset, parameters.targets_stride, place.row);
    let first = bitcast<f32>(values_load1(start, 0u));
    return select(vec4<f32>(0.0), values4(place, column, end) - first, columns < vec4<u32>(end));
}
