// The files that load an operand define operand_load4, of four columns, and operand_load1, of one, both as bits
// of f32. Here values are read four at a time: row starts, row strides and the number of classes are
// multiples of four, so a vector lies wholly inside its row.
alias operand_Stored = Vector_TYPE;

fn operand_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vector_widened_TYPE(operand[(start + column) / 4u]);
}

fn operand_load1(start: u32, column: u32) -> u32 {
    let element = start + column;
    return vector_widened_TYPE(operand[element / 4u])[element % 4u];
}
