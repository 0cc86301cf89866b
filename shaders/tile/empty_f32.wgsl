// tile_empty is called once, behind a barrier, by each lane of a workgroup. It brings
// the gradient, from workgroup memory to its place.
alias operand_Written = u32;

fn tile_empty(lane: u32, first: u32, count: u32) {
    let target_start = parameters.operand_offset + first;
    for (var k = 0u; k < 4u * VECTORS; k++) {
        let at = k * ROWS + lane;
        if at < count { operand[target_start + at] = tile[element_at(at, 0u)]; }
    }
}
