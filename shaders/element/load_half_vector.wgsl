// Halves read four at a time, two in a word.
alias operand_Stored = vec2<u32>;

fn operand_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    let words = operand[(start + column) / 4u];
    return vec4<u32>(operand_widen(words.x), operand_widen(words.y));
}

fn operand_load1(start: u32, column: u32) -> u32 {
    let element = start + column;
    return operand_widen(operand[element / 4u][(element % 4u) / 2u])[element % 2u];
}
