// logit_scale * x
fn transformed(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    let is_special = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY);
    let scaled = bitcast<vec4<u32>>(bitcast<vec4<f32>>(bits) * parameters.logit_scale);
    return beyond_end(select(scaled, scaled_special(bits), is_special), column, end);
}

fn chain_factor() -> f32 {
    return parameters.logit_scale;
}

fn chained(gradient: vec4<f32>, bits: vec4<u32>) -> vec4<f32> {
    return gradient;
}
