// A logit, from workgroup memory.
fn operand_load1(start: u32, column: u32) -> u32 {
    return tile[element_at(start, column)];
}
