fn pivot_of(terms: Terms, present: u32) -> f32 {
    return 0.0;
}
