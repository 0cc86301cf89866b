// f32 to f16, to the nearest, ties to even. By integers: what pack2x16float does with a value that
// is too large is up to the driver, and so is its rounding.
fn narrow(bits: vec4<u32>) -> vec4<u32> {
    let sign = (bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u);
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    let odd = (magnitude >> vec4<u32>(13u)) & vec4<u32>(1u);
    // 2^-14 is the least normal f16; below it, halves count units of 2^-24.
    let normal = (magnitude - vec4<u32>(0x38000000u) + vec4<u32>(0xfffu) + odd) >> vec4<u32>(13u);
    let small = min(bitcast<vec4<f32>>(magnitude & vec4<u32>(0x3fffffffu)), vec4<f32>(0.001));
    let subnormal = vec4<u32>(round(small * 16777216.0));
    var half = select(normal, subnormal, magnitude < vec4<u32>(0x38800000u));
    half = select(half, vec4<u32>(0x7c00u), magnitude >= vec4<u32>(0x477ff000u));
    half = select(half, vec4<u32>(0x7e00u), magnitude > vec4<u32>(0x7f800000u));
    return half | sign;
}
