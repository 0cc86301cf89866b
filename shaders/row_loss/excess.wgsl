// (d - 1 + exp(-d)) / d^2 for |d| <= 1, without cancellation: a polynomial of relative error 2e-8.
fn excess_ratio(d: vec4<f32>) -> vec4<f32> {
    var g = fma(d, vec4<f32>(-2.8126547e-6), vec4<f32>(2.5358644e-5));
    g = fma(d, g, vec4<f32>(-0.00019836986));
    g = fma(d, g, vec4<f32>(0.0013885394));
    g = fma(d, g, vec4<f32>(-0.008333345));
    g = fma(d, g, vec4<f32>(0.041666735));
    g = fma(d, g, vec4<f32>(-0.16666667));
    return fma(d, g, vec4<f32>(0.5));
}
