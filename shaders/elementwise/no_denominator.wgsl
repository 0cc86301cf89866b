fn divided_factor(factor: u32, result: u32) -> u32 {
    return factor;
}
