// Four columns LANES apart: with scalar access, neighbouring lanes read and write side by side, which
// moves the same bytes as vectors would. The choice depends on the number of classes and the element
// type alone, since the order of a sum does.
const IS_INTERLEAVED: bool = true;

fn lane_column(lane: u32) -> u32 {
    return lane;
}

// The columns of the vector that starts at `column`.
fn columns4(column: u32) -> vec4<u32> {
    return vec4<u32>(column) + LANES * vec4<u32>(0u, 1u, 2u, 3u);
}

// The lane that has a column.
fn column_owner(column: u32) -> u32 {
    return column % LANES;
}
