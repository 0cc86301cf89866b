// Halves written from any element on. A word that holds two of a lane's neighbours is stored whole; the
// others share a word with a half that another lane or row owns, and change their own half alone. Nobody
// else changes a lane's half between its two steps.
alias operand_Written = atomic<u32>;

fn operand_store1(element: u32, half: u32) {
    let shift = 16u * (element % 2u);
    atomicAnd(&operand[element / 2u], 0xffff0000u >> shift);
    atomicOr(&operand[element / 2u], half << shift);
}

fn operand_store2(element: u32, low: u32, high: u32) {
    atomicStore(&operand[element / 2u], low | (high << 16u));
}

fn operand_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    let halves = narrowed_TYPE(bits);
    if IS_STRIDED || IS_INTERLEAVED {
        let columns = columns4(column);
        operand_store1(element_at(start, columns.x), halves.x);
        if columns.y < end { operand_store1(element_at(start, columns.y), halves.y); }
        if columns.z < end { operand_store1(element_at(start, columns.z), halves.z); }
        if columns.w < end { operand_store1(element_at(start, columns.w), halves.w); }
        return;
    }
    let element = start + column;
    let count = min(end - column, 4u);
    if column > end {
        // From the column before the first, which is another row's.
        operand_store1(element + 1u, halves.y);
        if count > 3u { operand_store2(element + 2u, halves.z, halves.w); }
        if count == 3u { operand_store1(element + 2u, halves.z); }
    } else if element % 2u == 0u {
        if count > 1u { operand_store2(element, halves.x, halves.y); } else { operand_store1(element, halves.x); }
        if count > 3u { operand_store2(element + 2u, halves.z, halves.w); }
        if count == 3u { operand_store1(element + 2u, halves.z); }
    } else {
        operand_store1(element, halves.x);
        if count > 2u { operand_store2(element + 1u, halves.y, halves.z); }
        if count == 2u { operand_store1(element + 1u, halves.y); }
        if count > 3u { operand_store1(element + 3u, halves.w); }
    }
}
