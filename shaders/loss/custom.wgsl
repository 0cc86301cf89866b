// Functions that losses of the caller's call without the prefix: right for every argument on every
// driver. Special values are told by their bits, since compilers may assume that there are none, and
// subnormals are made and taken apart as integers, since drivers may flush them.
fn custom_is_nan(x: f32) -> bool {
    return is_nan_bits(bitcast<u32>(x));
}

fn custom_is_nan4(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(BITS_INFINITY);
}

fn custom_exp_of4(x: vec4<f32>) -> vec4<f32> {
    let bounded = clamp(x, vec4<f32>(-109.0), vec4<f32>(88.722832));
    let is_tiny = bounded < vec4<f32>(-87.0);
    // exp(x) = exp(x + 22.1875) 2^-32 c, with 32 ln 2 = 22.1875 - 0.00679 and c = exp(-0.00679).
    let e = exp_nonpositive(select(bounded, bounded + 22.1875, is_tiny));
    let large = bitcast<vec4<u32>>(e * 0.99323278);
    let exponent = large >> vec4<u32>(23u);
    let shift = min(vec4<u32>(33u) - min(exponent, vec4<u32>(32u)), vec4<u32>(25u));
    let significand = (large & vec4<u32>(0x007fffffu)) | vec4<u32>(0x00800000u);
    let subnormal = (significand + (vec4<u32>(1u) << (shift - 1u))) >> shift;
    let tiny = select(subnormal, large - vec4<u32>(32u << 23u), exponent > vec4<u32>(32u));
    var bits = select(bitcast<vec4<u32>>(e), tiny, is_tiny);
    let infinite = vec4<u32>(BITS_INFINITY | parameters.zero);
    bits = select(bits, infinite, bitcast<vec4<i32>>(x) > vec4<i32>(0x42b17217));
    bits = select(bits, infinite | vec4<u32>(0x00400000u), custom_is_nan4(x));
    return bitcast<vec4<f32>>(bits);
}

fn custom_exp_of(x: f32) -> f32 {
    return custom_exp_of4(vec4<f32>(x)).x;
}

fn custom_log_of(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    if is_zero_bits(bits) { return -infinity(); }
    if bits > BITS_INFINITY { return not_a_number(); }
    if bits == BITS_INFINITY { return infinity(); }
    if bits < 0x00800000u {
        // bits 2^-149, and 149 ln 2 in the two parts that log_positive has.
        let whole = f32(bits);
        return (log_positive(whole, whole - 1.0) - 103.27758026) - 0.00134964209;
    }
    return log_positive(x, x - 1.0);
}

fn custom_log_of4(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(custom_log_of(x.x), custom_log_of(x.y), custom_log_of(x.z), custom_log_of(x.w));
}

fn custom_log1p_of(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    if (bits & 0x7fffffffu) < 0x33000000u { return x; } // below 2^-25
    if bits == 0xbf800000u { return -infinity(); }
    if bits > 0xbf800000u || is_nan_bits(bits) { return not_a_number(); }
    if bits == BITS_INFINITY { return infinity(); }
    // No compiler may take 1 from 1 + x again.
    let s = bitcast<f32>(bitcast<u32>(1.0 + x) | parameters.zero);
    // What the rounding of 1 + x left out.
    let rest = select(x - (s - 1.0), 1.0 - (s - x), x >= 1.0);
    let is_near = x > -0.29289 && x <= 0.41421;
    return log_positive(s, x) + select(rest / s, 0.0, is_near);
}

fn custom_log1p_of4(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(custom_log1p_of(x.x), custom_log1p_of(x.y), custom_log1p_of(x.z), custom_log1p_of(x.w));
}

fn custom_tanh_of4(x: vec4<f32>) -> vec4<f32> {
    let is_itself = (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) < vec4<u32>(0x38d1b717u); // below 1e-4
    return select(tanh_of(x), x, is_itself | custom_is_nan4(x));
}

fn custom_tanh_of(x: f32) -> f32 {
    return custom_tanh_of4(vec4<f32>(x)).x;
}

// The loss of operands that are not finite: undefined, unless the module says what it is.
fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    if !HANDLES_SPECIAL { return SpecialLoss(BITS_NAN, BITS_NAN, BITS_NAN); }
    let loss = caller_special_loss_of(bitcast<f32>(x), bitcast<f32>(t), bitcast<f32>(third));
    return SpecialLoss(bitcast<u32>(loss.value), bitcast<u32>(loss.derivative), bitcast<u32>(loss.of_third));
}
