// softcap * tanh(logit_scale * x / softcap)
fn transformed(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    let is_special = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY);
    let capped = parameters.softcap * tanh_of(bitcast<vec4<f32>>(bits) * parameters.scale_per_softcap);
    let special = scaled_special(bits);
    let is_nan = (special & vec4<u32>(0x7fffffffu)) > vec4<u32>(BITS_INFINITY);
    let limit = vec4<u32>(bitcast<u32>(parameters.softcap)) | (special & vec4<u32>(0x80000000u));
    let capped_special = select(limit, special, is_nan);
    return beyond_end(select(bitcast<vec4<u32>>(capped), capped_special, is_special), column, end);
}

fn chain_factor() -> f32 {
    return 1.0;
}

// d/dx = logit_scale (1 - tanh^2)
fn chained(gradient: vec4<f32>, bits: vec4<u32>) -> vec4<f32> {
    let is_special = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY);
    let u = select(bitcast<vec4<f32>>(bits), vec4<f32>(0.0), is_special) * parameters.scale_per_softcap;
    let factor = parameters.logit_scale * one_minus_tanh_squared(u);
    return gradient * select(factor, vec4<f32>(0.0), is_special);
}
