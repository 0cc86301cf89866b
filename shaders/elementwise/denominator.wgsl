// What each mean is divided by, so many words apart.
@group(0) @binding(8) var<storage, read> forward_results: array<u32>;

fn divided_factor(factor: u32, result: u32) -> u32 {
    let denominator = forward_results[parameters.result_offset + result];
    if is_zero_bits(denominator) { return BITS_NAN; }
    return divide_bits(factor, denominator);
}
