// What a loss module returns: the value, its derivative in the input, and that in the variance.
struct Loss {
    value: f32,
    derivative: f32,
    of_third: f32,
}

// The same by bits, where an operand is infinite or NaN.
struct SpecialLoss {
    value: u32,
    derivative: u32,
    of_third: u32,
}

// A probability times what it is the probability of.
fn part_bits(probability: u32, value: u32) -> u32 {
    if MASKED && is_zero_bits(probability) { return 0u; }
    return multiply_bits(probability, value);
}
