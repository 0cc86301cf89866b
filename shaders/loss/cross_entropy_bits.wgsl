// Binary cross-entropy of a logit, a target and the weight of positives, of which something is not
// finite: the value and its derivative.
fn cross_entropy_bits(x: u32, t: u32, weight: u32) -> vec2<u32> {
    let positive = multiply_bits(weight, t);
    let negative = add_bits(BITS_ONE, negative_bits(t));
    // PyTorch adds (1 - t) x and a multiple of softplus(-x).
    let beside = multiply_bits(add_bits(weight, negative_bits(BITS_ONE)), t);
    let multiple = select(add_bits(BITS_ONE, beside), BITS_ONE, weight == BITS_ONE);
    let of_positive = softplus_bits(negative_bits(x));
    let rest = sigmoid_bits(negative_bits(x));
    let is_infinite = (t & 0x7fffffffu) == BITS_INFINITY;
    var derivative = add_bits(multiply_bits(negative, sigmoid_bits(x)), negative_bits(multiply_bits(positive, rest)));
    if is_infinite { derivative = add_bits(negative, negative_bits(multiply_bits(multiple, rest))); }
    var value = add_bits(part_bits(negative, softplus_bits(x)), part_bits(positive, of_positive));
    if !MASKED && (is_infinite || (x & 0x7fffffffu) == BITS_INFINITY) {
        value = add_bits(multiply_bits(negative, x), multiply_bits(multiple, of_positive));
    }
    return vec2<u32>(value, derivative);
}
