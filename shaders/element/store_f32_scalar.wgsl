fn store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    operand[element_at(start, column)] = bits.x;
    if column + 1u < end { operand[element_at(start, column + 1u)] = bits.y; }
    if column + 2u < end { operand[element_at(start, column + 2u)] = bits.z; }
    if column + 3u < end { operand[element_at(start, column + 3u)] = bits.w; }
}
