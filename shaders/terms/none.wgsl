// terms_see sees each block of a row, terms_at and terms_flags tell what came of it. Here the loss has a
// term for the target class alone, and there are no sums of others to keep.
fn terms_see(place: Place, row: Row, block: ptr<function, Block>, seen: Seen, first: u32) {}

fn terms_at(maximum: f32) -> vec2<f32> {
    return vec2<f32>(0.0);
}

fn terms_flags() -> u32 {
    return 0u;
}
