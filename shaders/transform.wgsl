// What the logits go through before the softmax: logit_scale * x where IS_SCALED, and
// softcap * tanh(logit_scale * x / softcap) where it IS_CAPPED, too. Bits, since they may be special.

// Columns beyond the row's end stay -inf, whatever the transformation makes of it.
fn beyond_end(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    let columns = columns4(column);
    return select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), columns >= vec4<u32>(end));
}

// The stored logits in the order of the transformed ones, without ties made by rounding.
fn ranked(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    if !IS_SCALED { return bits; }
    var ranked = bits;
    if parameters.logit_scale < 0.0 {
        ranked = bits ^ vec4<u32>(0x80000000u);
    }
    if parameters.logit_scale == 0.0 {
        ranked = select(vec4<u32>(0u), vec4<u32>(BITS_NAN), (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY));
    }
    return beyond_end(ranked, column, end);
}

// logit_scale times an infinite or NaN logit.
fn scaled_special(bits: vec4<u32>) -> vec4<u32> {
    var scaled = bits;
    if parameters.logit_scale < 0.0 {
        scaled = bits ^ vec4<u32>(0x80000000u);
    }
    let is_nan = (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(BITS_INFINITY);
    return select(scaled, vec4<u32>(BITS_NAN), is_nan | vec4<bool>(parameters.logit_scale == 0.0));
}

// Stored logits as they enter the softmax.
fn transformed(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    if !IS_SCALED { return bits; }
    let is_special = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY);
    let special = scaled_special(bits);
    if !IS_CAPPED {
        let scaled = bitcast<vec4<u32>>(bitcast<vec4<f32>>(bits) * parameters.logit_scale);
        return beyond_end(select(scaled, special, is_special), column, end);
    }
    let capped = parameters.softcap * tanh_of(bitcast<vec4<f32>>(bits) * parameters.scale_per_softcap);
    let is_nan = (special & vec4<u32>(0x7fffffffu)) > vec4<u32>(BITS_INFINITY);
    let limit = vec4<u32>(bitcast<u32>(parameters.softcap)) | (special & vec4<u32>(0x80000000u));
    let capped_special = select(limit, special, is_nan);
    return beyond_end(select(bitcast<vec4<u32>>(capped), capped_special, is_special), column, end);
}

// What the gradient of every class of a row is multiplied by.
fn chain_factor() -> f32 {
    return select(1.0, parameters.logit_scale, IS_SCALED && !IS_CAPPED);
}

// What that of each class is multiplied by: under a cap logit_scale (1 - tanh^2).
fn chained(gradient: vec4<f32>, bits: vec4<u32>) -> vec4<f32> {
    if !IS_CAPPED { return gradient; }
    let is_special = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY);
    let u = select(bitcast<vec4<f32>>(bits), vec4<f32>(0.0), is_special) * parameters.scale_per_softcap;
    let factor = parameters.logit_scale * one_minus_tanh_squared(u);
    return gradient * select(factor, vec4<f32>(0.0), is_special);
}
