// tile_fill is called once, before a barrier, by each lane of a workgroup. Here it brings
// f32 to workgroup memory. All of a lane's loads are under way at once.
alias operand_Stored = u32;

fn operand_word(index: u32) -> u32 {
    return tile[index];
}

fn tile_fill(lane: u32, first: u32, count: u32) {
    let source = parameters.operand_offset + first;
    for (var k = 0u; k < VECTORS; k++) {
        let at = (4u * k + vec4<u32>(0u, 1u, 2u, 3u)) * ROWS + lane;
        let place = source + min(at, vec4<u32>(count - 1u));
        let bits = vec4<u32>(operand[place.x], operand[place.y], operand[place.z], operand[place.w]);
        if at.x < count { tile[element_at(at.x, 0u)] = bits.x; }
        if at.y < count { tile[element_at(at.y, 0u)] = bits.y; }
        if at.z < count { tile[element_at(at.z, 0u)] = bits.z; }
        if at.w < count { tile[element_at(at.w, 0u)] = bits.w; }
    }
}
