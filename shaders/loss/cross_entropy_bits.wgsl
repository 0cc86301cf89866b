// Binary cross-entropy of a logit and the weights of both sides, of which something is not finite.
fn cross_entropy_bits(x: u32, negative: u32, positive: u32) -> u32 {
    // PyTorch adds x itself and softplus(-x).
    if !MASKED && x == 0xff800000u { return BITS_NAN; }
    return add_bits(part_bits(negative, softplus_bits(x)), part_bits(positive, softplus_bits(negative_bits(x))));
}
