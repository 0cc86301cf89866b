// Columns beyond the row's end stay -inf, whatever the transformation makes of it.
fn beyond_end(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    let columns = columns4(column);
    return select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), columns >= vec4<u32>(end));
}

// The stored logits in the order of the transformed ones, without ties made by rounding.
fn ranked(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
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
