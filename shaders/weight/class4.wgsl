// Of four columns; anything beyond the row's end.
fn class_weights4(column: u32, end: u32) -> vec4<f32> {
    let first = parameters.first_class + first_column();
    let classes = first + min(columns4(column), vec4<u32>(end - 1u));
    return vec4<f32>(
        class_weight(classes.x),
        class_weight(classes.y),
        class_weight(classes.z),
        class_weight(classes.w),
    );
}
