fn row_weight(row: u32) -> f32 {
    return 1.0;
}
