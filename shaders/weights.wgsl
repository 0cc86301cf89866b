// The weights of classes and of rows, 1 where there are none.
fn class_weight(index: u32) -> f32 {
    if !HAS_CLASS_WEIGHTS { return 1.0; }
    return bitcast<f32>(class_weights_at(parameters.class_weights_offset + index));
}

fn row_weight(row: u32) -> f32 {
    if !HAS_ROW_WEIGHTS { return 1.0; }
    return bitcast<f32>(row_weights_at(parameters.row_weights_offset + row));
}
