fn denominator() -> f32 {
    return 1.0;
}
