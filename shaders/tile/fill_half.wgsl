// Halves to workgroup memory, widened. The run starts with a whole word; where its last has one half
// alone, the other is of no use to anybody.
alias operand_Stored = u32;

fn operand_word(index: u32) -> u32 {
    return tile[index];
}

fn tile_fill(lane: u32, first: u32, count: u32) {
    let source = (parameters.operand_offset + first) / 2u;
    let words = (count + 1u) / 2u;
    for (var k = 0u; k < VECTORS; k++) {
        let at = (2u * k + vec2<u32>(0u, 1u)) * ROWS + lane;
        let place = source + min(at, vec2<u32>(words - 1u));
        let low = halves_TYPE(operand[place.x]);
        let high = halves_TYPE(operand[place.y]);
        if at.x < words {
            tile[element_at(2u * at.x, 0u)] = low.x;
            tile[element_at(2u * at.x, 1u)] = low.y;
        }
        if at.y < words {
            tile[element_at(2u * at.y, 0u)] = high.x;
            tile[element_at(2u * at.y, 1u)] = high.y;
        }
    }
}
