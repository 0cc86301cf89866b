fn gradient_write(place: Place, row: Row, column: u32, values: vec4<f32>, is_nan: bool) {}
