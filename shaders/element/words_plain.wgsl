// Both files of words define operand_Stored and operand_word, for element/load_scalar.wgsl. Here nobody else
// writes a word while it is read.
alias operand_Stored = u32;

fn operand_word(index: u32) -> u32 {
    return operand[index];
}
