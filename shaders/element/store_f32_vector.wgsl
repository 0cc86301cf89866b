fn operand_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    operand[(start + column) / 4u] = bits;
}
