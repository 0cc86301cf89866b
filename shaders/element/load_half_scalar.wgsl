// Halves read one by one.
fn operand_load1(start: u32, column: u32) -> u32 {
    let element = element_at(start, column);
    return operand_widen(operand_word(element / 2u))[element % 2u];
}
