// What each mean is divided by, so many words apart, with its 2^-64th part behind it.
@group(0) @binding(8) var<storage, read> forward_results: array<u32>;

const LARGE_DENOMINATOR: u32 = 0x6c800000u; // 2^90

// What weights are multiplied by: 1, but 2^-64 where only the other part of a denominator is used.
var<private> weight_scales: vec4<f32> = vec4<f32>(1.0);

fn divided_factor(factor: u32, result: u32, k: u32) -> u32 {
    let denominator = forward_results[parameters.result_offset + result];
    weight_scales[k] = 1.0;
    if is_zero_bits(denominator) { return BITS_NAN; }
    if (denominator & 0x7fffffffu) >= LARGE_DENOMINATOR {
        let part = forward_results[parameters.result_offset + result + 1u];
        if is_finite_bits(part) {
            weight_scales[k] = 0x1p-64f;
            return divide_bits(factor, part);
        }
    }
    return divide_bits(factor, denominator);
}

fn scaled_weights(weights: vec4<u32>) -> vec4<u32> {
    if all(weight_scales == vec4<f32>(1.0)) { return weights; }
    return multiply4(weights, bitcast<vec4<u32>>(weight_scales));
}
