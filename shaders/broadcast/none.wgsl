// 1 for every value.
fn operand_of_run(start: u32) -> u32 {
    return 0u;
}

fn operand4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(BITS_ONE);
}

fn operand1(index: u32) -> u32 {
    return BITS_ONE;
}
