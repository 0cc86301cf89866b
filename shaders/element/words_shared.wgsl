// A word may hold the last half of one lane's elements and the first of another's.
alias operand_Stored = atomic<u32>;

fn operand_word(index: u32) -> u32 {
    return atomicLoad(&operand[index]);
}
