fn write_third_gradient(column: Column, rows: vec4<u32>, present: u32, gradients: vec4<u32>) {
}
