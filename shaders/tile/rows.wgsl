// Rows of few classes, packed: those of a workgroup are one run of elements, which neighbouring lanes
// bring to workgroup memory side by side. There each lane finds its own row, and leaves its gradient.

// A word is left out after every 32, so that lanes a row apart are not all served by one bank.
const TILE_ELEMENTS: u32 = 4u * VECTORS * ROWS;
var<workgroup> tile: array<u32, TILE_ELEMENTS + TILE_ELEMENTS / 32u>;

fn row_start(offset: u32, stride: u32, row: u32) -> u32 {
    return (row % ROWS) * parameters.classes;
}

fn element_at(start: u32, column: u32) -> u32 {
    let element = start + column;
    return element + element / 32u;
}
