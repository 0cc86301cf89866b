fn stirling(t: f32) -> f32 {
    return 0.0;
}

fn stirling_bits(t: u32) -> u32 {
    return 0u;
}
