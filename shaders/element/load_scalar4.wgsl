// Four neighbouring classes by four reads; -inf beyond the row's end.
fn operand_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    var bits = vec4<u32>(operand_load1(start, column), BITS_NEGATIVE_INFINITY, BITS_NEGATIVE_INFINITY, BITS_NEGATIVE_INFINITY);
    if column + 3u < end {
        bits = vec4<u32>(bits.x, operand_load1(start, column + 1u), operand_load1(start, column + 2u), operand_load1(start, column + 3u));
    } else {
        if column + 1u < end { bits.y = operand_load1(start, column + 1u); }
        if column + 2u < end { bits.z = operand_load1(start, column + 2u); }
    }
    return bits;
}
