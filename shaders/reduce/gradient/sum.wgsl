// Gradients of sums and means: s = sum w x has w with respect to x, and x with respect to w.
// m = sum w x / D has w / D with respect to x, and (x - m) / D with respect to w, or x / D where D is a
// number of weights.
//
// Each alternative defines, for each value and the number of the result that it belongs to,
//   value_gradient_of   the bits of the gradient with respect to the value
//   weight_gradient_of  those of the gradient with respect to its weight
fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    if IS_OF_SUM { return bitcast<u32>(upstream_of(result) * bitcast<f32>(weight)); }
    let denominator = bitcast<f32>(forward_word(result, 1u));
    if denominator == 0.0 { return select(NAN, 0u, MASKED && (weight & 0x7fffffffu) == 0u); }
    return quotient_of(result, upstream_of(result) * bitcast<f32>(weight), weight, 0u);
}

fn weight_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    if IS_OF_SUM {
        if MASKED && (weight & 0x7fffffffu) == 0u && met_by(bits) != 0u { return 0u; }
        return bitcast<u32>(upstream_of(result) * bitcast<f32>(bits));
    }
    let denominator = bitcast<f32>(forward_word(result, 1u));
    if MASKED && (weight & 0x7fffffffu) == 0u && (met_by(bits) != 0u || denominator == 0.0) { return 0u; }
    if denominator == 0.0 { return NAN; }
    if IS_COUNTED { return quotient_of(result, upstream_of(result) * bitcast<f32>(bits), bits, 0u); }
    let mean = forward_word(result, 0u);
    if (met_by(bits) | met_by(mean)) != 0u { return NAN; }
    return quotient_of(result, upstream_of(result) * (bitcast<f32>(bits) - bitcast<f32>(mean)), bits, mean);
}

// The product of the upstream gradient and a - b, divided by D; from the 2^-64th parts of all three
// where the product or D may leave the range of f32, though the quotient does not.
fn quotient_of(result: u32, product: f32, a: u32, b: u32) -> u32 {
    let denominator = forward_word(result, 1u);
    let is_far = is_large(product) || is_large(bitcast<f32>(denominator));
    if is_far && (met_by(a) | met_by(bitcast<u32>(upstream_of(result)))) == 0u {
        var part = bitcast<f32>(denominator) * 0x1p-64f;
        if !IS_COUNTED { part = bitcast<f32>(forward_word(result, FORWARD_WORDS - 1u)); }
        if met_by(bitcast<u32>(part)) == 0u {
            let difference = opaque(bitcast<f32>(a) * 0x1p-64f) - opaque(bitcast<f32>(b) * 0x1p-64f);
            return bitcast<u32>(opaque(upstream_of(result) / part) * difference);
        }
    }
    return bitcast<u32>(product / bitcast<f32>(denominator));
}
