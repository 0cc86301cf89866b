fn operand_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    let halves = narrow(bits);
    operand[(start + column) / 4u] = halves.xz | (halves.yw << vec2<u32>(16u));
}
