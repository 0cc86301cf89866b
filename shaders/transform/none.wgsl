// The logits as they are stored.
fn transformed(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    return bits;
}

fn ranked(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    return bits;
}

fn chain_factor() -> f32 {
    return 1.0;
}

fn chained(gradient: vec4<f32>, bits: vec4<u32>) -> vec4<f32> {
    return gradient;
}
