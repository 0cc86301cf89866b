// Which columns a lane's vector has: four neighbours, and the next lane the next four; or, where it
// IS_INTERLEAVED, four that lie LANES apart, so that with scalar access neighbouring lanes read and write side
// by side, which moves the same bytes as vectors would. The choice depends on the number of classes and the
// element type alone, since the order of a sum does.
fn lane_column(lane: u32) -> u32 {
    if IS_INTERLEAVED { return lane; }
    return 4u * lane;
}

// The columns of the vector that starts at `column`.
fn columns4(column: u32) -> vec4<u32> {
    if IS_INTERLEAVED { return vec4<u32>(column) + LANES * vec4<u32>(0u, 1u, 2u, 3u); }
    return vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u);
}

// The lane that has a column.
fn column_owner(column: u32) -> u32 {
    if IS_INTERLEAVED { return column % LANES; }
    return (column / 4u) % LANES;
}
