fn write_third_gradient(start: u32, column: u32, end: u32, derivatives: vec4<u32>, weights: vec4<u32>, factors: vec4<u32>) {
    third_gradient_store4(start, column, end, gradients4(derivatives, weights, factors));
}
