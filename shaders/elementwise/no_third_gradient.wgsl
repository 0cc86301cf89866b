fn write_third_gradient(start: u32, column: u32, end: u32, derivatives: vec4<u32>, weights: vec4<u32>, factors: vec4<u32>) {
}
