// Rows of few classes, packed: those of a workgroup are one run of elements, which neighbouring lanes
// bring to workgroup memory side by side. There each lane finds its own row, and leaves its gradient.

// A word is left out after every 32, so that lanes a row apart are not all served by one bank.
const TILE_ELEMENTS: u32 = 4u * VECTORS * ROWS;
var<workgroup> tile: array<u32, TILE_ELEMENTS + TILE_ELEMENTS / 32u>;

const IS_STRIDED: bool = false;

fn row_start(offset: u32, stride: u32, row: u32) -> u32 {
    return (row % ROWS) * parameters.classes;
}

fn element_at(start: u32, column: u32) -> u32 {
    let element = start + column;
    return element + element / 32u;
}

// One lane per row.
@compute @workgroup_size(ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let first_row = workgroup.x * ROWS;
    let first = first_row * parameters.classes;
    let count = min(ROWS, parameters.rows - first_row) * parameters.classes;
    tile_fill(index, first, count);
    workgroupBarrier();
    run(place_at(first_row + index, index, 0u));
    workgroupBarrier();
    tile_empty(index, first, count);
}
