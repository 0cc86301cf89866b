// y = log |s|, s = sum w exp(x): w exp(x) / s with respect to x, exp(x) / s with respect to w. The
// forward kept the maximum and the sum relative to it.
fn ratio_of(bits: u32, factor: f32, result: u32) -> u32 {
    let value = forward_word(result, 0u);
    let of_value = met_by(value);
    let of_x = met_by(bits);
    if of_value == MET_NAN || of_value == MET_NEGATIVE { return NAN; }
    // 0 times the factor.
    let is_zero = of_x != MET_POSITIVE && met_by(bitcast<u32>(factor)) == 0u;
    if of_value == MET_POSITIVE { return select(NAN, 0u, is_zero); }
    let x = bitcast<f32>(bits);
    let maximum = bitcast<f32>(forward_word(result, 2u));
    let sum = bitcast<f32>(forward_word(result, 3u));
    // Where an exponential or its inverse would leave the range of f32, it is the square of its root;
    // only what was left out may lie above the maximum.
    let root = exp_nonpositive(vec4<f32>(-0.5 * abs(maximum - x))).x;
    if x > maximum { return bitcast<u32>(factor / root / (sum * root)); }
    if maximum - x > 80.0 { return bitcast<u32>(factor * root / sum * root); }
    return bitcast<u32>(factor * exp_difference_scalar(x, maximum) / sum);
}

fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    if (weight & 0x7fffffffu) == 0u { return 0u; }
    let upstream = upstream_of(result);
    let factor = upstream * bitcast<f32>(weight);
    if !is_large(factor) || (met_by(weight) | met_by(bitcast<u32>(upstream))) != 0u {
        return ratio_of(bits, factor, result);
    }
    // The product may leave the range of f32, though what it is divided by brings it back.
    let part = ratio_of(bits, upstream * opaque(bitcast<f32>(weight) * 0x1p-64f), result);
    return select(bitcast<u32>(opaque(bitcast<f32>(part)) * 0x1p+64f), part, met_by(part) != 0u);
}

fn weight_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    let value = forward_word(result, 0u);
    let is_special = met_by(value) == MET_NAN || met_by(value) == MET_NEGATIVE;
    if (weight & 0x7fffffffu) == 0u && met_by(bits) != 0u && !is_special { return 0u; }
    return ratio_of(bits, upstream_of(result), result);
}
