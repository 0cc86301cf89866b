// f32 read one by one, for rows that start or end between vectors or whose classes lie apart. The
// same lane gets the same columns as with vectors, so the bits of a result do not depend on it.
alias operand_Stored = u32;

fn operand_load1(start: u32, column: u32) -> u32 {
    return operand[element_at(start, column)];
}
