// The weights themselves are reduced.
fn term4(bits: vec4<u32>, weights: vec4<u32>, result: vec4<u32>) -> vec4<u32> {
    return weights;
}
