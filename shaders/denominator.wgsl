// What a mean is divided by, of the loss and of the z-loss: where it IS_DIVIDED_BY_TOTALS, what an earlier dispatch
// computed; else what is known beforehand, the size of the batch (DIVIDES_BY_SIZE) or 1.

// `scale` is 1, but smaller where a quotient by the sum of such weights would leave the range of f32
// though its product with one of them does not: then `sums` holds the sum times `scale`, and so must be
// what a quotient is multiplied by.
struct Denominators {
    sums: vec2<f32>,
    scale: vec2<f32>,
}

const LARGE_DENOMINATOR: u32 = 0x6c800000u; // 2^90

fn denominators() -> Denominators {
    if !IS_DIVIDED_BY_TOTALS {
        return Denominators(vec2<f32>(select(1.0, parameters.batch_size, DIVIDES_BY_SIZE)), vec2<f32>(1.0));
    }
    let at = parameters.totals_offset;
    let words = vec2<u32>(totals_at(at + TOTALS_DENOMINATOR), totals_at(at + TOTALS_ROW_WEIGHT));
    let exponents = (vec2<i32>(bitcast<i32>(totals_at(at + TOTALS_EXPONENTS))) << vec2<u32>(16u, 0u)) >> vec2<u32>(16u);
    var all = Denominators(bitcast<vec2<f32>>(words), vec2<f32>(1.0));
    for (var k = 0u; k < 2u; k++) {
        let magnitude = words[k] & 0x7fffffffu;
        if magnitude < 0x7f800000u && (magnitude >= LARGE_DENOMINATOR || exponents[k] != 0) {
            all.sums[k] = times_power_of_two(bitcast<f32>(words[k]), exponents[k] - 64);
            all.scale[k] = 0x1p-64f;
        }
    }
    return all;
}

fn divided(upstream: f32, weight: f32, chain: f32, denominator: f32, scale: f32) -> f32 {
    if !IS_DIVIDED_BY_TOTALS && !DIVIDES_BY_SIZE { return upstream * weight * chain; }
    if scale != 1.0 { return upstream * chain / denominator * weight; }
    return upstream * weight * chain / denominator;
}
