// Statistics that take values as they come.
fn look_ahead(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>) {
}

fn take_ahead(accumulator: ptr<function, Accumulator>) {
}
