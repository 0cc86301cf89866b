// The gradient's vectors are the columns that the logits were read by.
fn gradient_shift(row: u32) -> u32 {
    return 0u;
}
