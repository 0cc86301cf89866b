fn write_gradients(column: Column, rows: vec4<u32>, present: u32, losses: Losses, weights: vec4<u32>) {
}
