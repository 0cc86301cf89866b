// What has a value for each logit, where one HAS_VALUES: probabilities as targets, or an upstream gradient.

// 0 beyond the row's end.
fn values_of_classes(place: Place, column: u32, end: u32) -> vec4<f32> {
    if !HAS_VALUES { return vec4<f32>(0.0); }
    let columns = columns4(column);
    if min(columns.x, columns.y) >= end { return vec4<f32>(0.0); }
    let start = part_start(row_start(parameters.targets_offset, parameters.targets_stride, place.row));
    let bits = values_load4(start, column, end);
    return bitcast<vec4<f32>>(select(vec4<u32>(0u), bits, columns < vec4<u32>(end)));
}
