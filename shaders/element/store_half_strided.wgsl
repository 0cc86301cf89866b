// Two lanes may own the halves of one word: each changes its own alone. Nobody else changes a
// lane's half between its two steps.
fn operand_store1(element: u32, half: u32) {
    let shift = 16u * (element % 2u);
    atomicAnd(&operand[element / 2u], 0xffff0000u >> shift);
    atomicOr(&operand[element / 2u], half << shift);
}

fn operand_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    let halves = narrow(bits);
    let columns = columns4(column);
    operand_store1(element_at(start, columns.x), halves.x);
    if columns.y < end { operand_store1(element_at(start, columns.y), halves.y); }
    if columns.z < end { operand_store1(element_at(start, columns.z), halves.z); }
    if columns.w < end { operand_store1(element_at(start, columns.w), halves.w); }
}
