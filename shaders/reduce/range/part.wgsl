// A part of each column.
fn row_range(piece: u32, part: u32) -> vec2<u32> {
    let first = part * parameters.part_length;
    return vec2<u32>(first, min(first + parameters.part_length, parameters.length));
}

fn output_piece(piece: u32, part: u32) -> u32 {
    return part;
}
