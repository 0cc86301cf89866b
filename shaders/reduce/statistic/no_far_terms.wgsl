// Statistics whose terms never leave the range of f32.
fn term_is_far(accumulator: Accumulator, x: f32, w: f32) -> bool {
    return false;
}

fn accumulate_far(accumulator: ptr<function, Accumulator>, x: f32, w: f32) -> u32 {
    return NEUTRAL;
}
