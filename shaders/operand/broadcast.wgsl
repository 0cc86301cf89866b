// Factors, one for each value or IS_OF_RUN: _of_run gives that of a run, asked for once; 4 those of four
// values; 1 that of a value of a column.
fn operand_of_run(start: u32) -> u32 {
    if !operand_IS_OF_RUN { return 0u; }
    return operand_load1(start, 0u);
}

fn operand4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    if operand_IS_OF_RUN { return vec4<u32>(of_run); }
    return operand_load4(start, column, end);
}

fn operand1(index: u32) -> u32 {
    return operand_load1(index, 0u);
}
