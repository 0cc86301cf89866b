// f32 read one by one, for rows that start or end between vectors or whose classes lie apart. The
// same lane gets the same columns as with vectors, so the bits of a result do not depend on it.
alias operand_Stored = u32;

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

fn operand_load1(start: u32, column: u32) -> u32 {
    return operand[element_at(start, column)];
}
