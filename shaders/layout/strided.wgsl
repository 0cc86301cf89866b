// (outer, classes, inner): the rows of a block are neighbours, and so are the lanes that read them.
const IS_STRIDED: bool = true;

fn row_start(offset: u32, stride: u32, row: u32) -> u32 {
    let in_block = parameters.first_inner + row;
    return offset + (in_block / parameters.inner) * stride + in_block % parameters.inner;
}

fn element_at(start: u32, column: u32) -> u32 {
    return start + column * parameters.inner;
}

fn place_of(index: u32) -> vec2<u32> {
    return vec2<u32>(index % ROWS, index / ROWS);
}
