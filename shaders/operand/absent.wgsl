// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn operand_at(index: u32) -> u32 {
    return 0u;
}

fn operand_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn operand_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn operand_of_run(start: u32) -> u32 {
    return 0u;
}

fn operand4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn operand1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn operand_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn operand_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}
