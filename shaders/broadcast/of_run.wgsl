// One number for all values of a run.
fn operand_of_run(start: u32) -> u32 {
    return operand_load1(start, 0u);
}

fn operand4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(of_run);
}

fn operand1(index: u32) -> u32 {
    return operand_load1(index, 0u);
}
