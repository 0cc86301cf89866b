// A lane's vector is four neighbouring columns; the next lane has the next four. Both
// files of columns/ define lane_column, columns4, column_owner and IS_INTERLEAVED.
const IS_INTERLEAVED: bool = false;

fn lane_column(lane: u32) -> u32 {
    return 4u * lane;
}

// The columns of the vector that starts at `column`.
fn columns4(column: u32) -> vec4<u32> {
    return vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u);
}

// The lane that has a column.
fn column_owner(column: u32) -> u32 {
    return (column / 4u) % LANES;
}
