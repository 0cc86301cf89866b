// f32 read four at a time: row starts, row strides and the number of classes are multiples of four,
// so a vector lies wholly inside its row.
alias operand_Stored = vec4<u32>;

fn operand_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return operand[(start + column) / 4u];
}

fn operand_load1(start: u32, column: u32) -> u32 {
    let element = start + column;
    return operand[element / 4u][element % 4u];
}
