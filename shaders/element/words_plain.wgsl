// Words that nobody else writes while they are read.
alias operand_Stored = u32;

fn operand_word(index: u32) -> u32 {
    return operand[index];
}
