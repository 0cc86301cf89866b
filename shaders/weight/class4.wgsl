// Of four columns; anything beyond the row's end.
fn class_weights4(column: u32, end: u32) -> vec4<f32> {
    let first = parameters.first_class + first_column() + column;
    let last = parameters.first_class + first_column() + end - 1u;
    return vec4<f32>(
        class_weight(first),
        class_weight(min(first + 1u, last)),
        class_weight(min(first + 2u, last)),
        class_weight(min(first + 3u, last)),
    );
}
