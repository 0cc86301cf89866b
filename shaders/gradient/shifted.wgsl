// Columns by which the gradient's vectors start early, so that they lie on whole words of halves: the
// row's first vector then has a column less, and only its ends share words with other rows.
fn gradient_shift(row: u32) -> u32 {
    return gradient_start(row) % 2u;
}
