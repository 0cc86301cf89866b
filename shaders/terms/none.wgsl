// The loss has a term for the target class alone.
fn terms_see(place: Place, row: Row, block: ptr<function, Block>, seen: Seen, first: u32) {}

fn terms_at(maximum: f32) -> vec2<f32> {
    return vec2<f32>(0.0);
}

fn terms_flags() -> u32 {
    return 0u;
}
