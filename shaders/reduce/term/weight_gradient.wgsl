// Each value's part of the gradient with respect to its weight.
fn term4(bits: vec4<u32>, weights: vec4<u32>, result: vec4<u32>) -> vec4<u32> {
    return vec4<u32>(
        weight_gradient_of(bits.x, weights.x, result.x),
        weight_gradient_of(bits.y, weights.y, result.y),
        weight_gradient_of(bits.z, weights.z, result.z),
        weight_gradient_of(bits.w, weights.w, result.w),
    );
}
