// Values read one by one, for rows that start or end between vectors or whose classes lie apart. The
// same lane gets the same columns as with vectors, so the bits of a result do not depend on it.
fn operand_load1(start: u32, column: u32) -> u32 {
    let element = element_at(start, column);
    return widened_TYPE(operand_word(element / PER_WORD_TYPE), element);
}

// Four neighbouring classes by four reads; -inf beyond the row's end. Without branches, of which
// software drivers run both sides: in place of what lies beyond, the row's last class is read.
fn operand_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    let wanted = columns4(column);
    let last = vec4<u32>(end - 1u);
    let at = min(wanted, last);
    let bits = vec4<u32>(
        operand_load1(start, at.x),
        operand_load1(start, at.y),
        operand_load1(start, at.z),
        operand_load1(start, at.w),
    );
    return select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), wanted > last);
}
