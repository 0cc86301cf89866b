// row_finish makes of a row's states its loss and its gradient; gradient_write is what it writes that with.
// The gradient of four classes.
fn gradient_write(place: Place, row: Row, column: u32, values: vec4<f32>, is_nan: bool) {
    let bits = select(bitcast<vec4<u32>>(values), vec4<u32>(BITS_NAN), vec4<bool>(is_nan));
    store4(gradient_start(place.row), column, row.end, bits);
}
