// The gradient, from workgroup memory to its place: whole words, without atomics. Workgroups have
// whole words each; half of the batch's last may be somebody else's, and stays what it is.
alias operand_Written = u32;

fn tile_empty(lane: u32, first: u32, count: u32) {
    let target_start = (parameters.operand_offset + first) / 2u;
    for (var k = 0u; k < VECTORS; k++) {
        let at = (2u * k + vec2<u32>(0u, 1u)) * ROWS + lane;
        let inside = min(2u * at, vec2<u32>(TILE_ELEMENTS - 2u));
        let halves = narrowed_TYPE(vec4<u32>(
            tile[element_at(inside.x, 0u)],
            tile[element_at(inside.x, 1u)],
            tile[element_at(inside.y, 0u)],
            tile[element_at(inside.y, 1u)],
        ));
        let words = halves.xz | (halves.yw << vec2<u32>(16u));
        empty_word(target_start + at.x, words.x, 2u * at.x, count);
        empty_word(target_start + at.y, words.y, 2u * at.y, count);
    }
}

fn empty_word(place: u32, word: u32, element: u32, count: u32) {
    if element + 1u < count {
        operand[place] = word;
    } else if element < count {
        operand[place] = (operand[place] & 0xffff0000u) | (word & 0xffffu);
    }
}
