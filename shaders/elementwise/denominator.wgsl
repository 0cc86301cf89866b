// What the mean was divided by, behind each of the forward's results.
@group(0) @binding(8) var<storage, read> forward_results: array<u32>;

fn divided_factor(factor: u32, result: u32) -> u32 {
    let denominator = forward_results[parameters.result_offset + 2u * result + 1u];
    if is_zero_bits(denominator) { return BITS_NAN; }
    return divide_bits(factor, denominator);
}
