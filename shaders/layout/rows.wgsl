// (rows, classes): the classes of a row are neighbours. Each layout defines row_start, element_at and
// IS_STRIDED, and place_of where lanes are counted across the rows of a workgroup.
const IS_STRIDED: bool = false;

fn row_start(offset: u32, stride: u32, row: u32) -> u32 {
    return offset + row * stride;
}

fn element_at(start: u32, column: u32) -> u32 {
    return start + column;
}

fn place_of(index: u32) -> vec2<u32> {
    return vec2<u32>(index / LANES, index % LANES);
}
