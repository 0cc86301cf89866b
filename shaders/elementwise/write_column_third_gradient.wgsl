fn write_third_gradient(column: Column, rows: vec4<u32>, present: u32, gradients: vec4<u32>) {
    third_gradient_store_apart(vec4<u32>(column.third_gradient) + rows * parameters.third_gradient_inner, present, gradients);
}
