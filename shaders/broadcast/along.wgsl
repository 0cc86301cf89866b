// A number for each value of a run.
fn operand_of_run(start: u32) -> u32 {
    return 0u;
}

fn operand4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return operand_load4(start, column, end);
}

fn operand1(index: u32) -> u32 {
    return operand_load1(index, 0u);
}
