// x_c - lse = (x_c - m) - log1p(r)
fn gradient_values(place: Place, factors: GradientFactors, column: u32, end: u32, x: vec4<f32>, scaled: vec4<f32>) -> vec4<f32> {
    let values = bitcast<vec4<u32>>((x - factors.at_target) - factors.direct);
    let bits = bitcast<vec4<u32>>(x);
    let is_infinite = bits == vec4<u32>(BITS_NEGATIVE_INFINITY);
    return bitcast<vec4<f32>>(select(values, bits, is_infinite));
}
