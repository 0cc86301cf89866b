// Where no gradient is asked for.
fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    return 0u;
}

fn weight_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    return 0u;
}
