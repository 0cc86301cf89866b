// What a workgroup takes of each column, and which partial results make up a result; here parts of all
// rows. Each alternative defines
//   row_range     the first position that a lane's piece has, and the one behind the last
//   row_at        the row at a position
//   output_piece  the number of the piece's partial result
//   merged_range  the partial results of a result: the first, how far apart they are, and how many
fn row_range(piece: u32, part: u32) -> vec2<u32> {
    let first = part * parameters.part_length;
    return vec2<u32>(first, min(first + parameters.part_length, parameters.length));
}

fn row_at(position: u32) -> u32 {
    return position;
}

fn output_piece(piece: u32, part: u32) -> u32 {
    return part;
}

struct MergedRange {
    first: u32,
    step: u32,
    count: u32,
}

fn merged_range(result: u32, group: u32) -> MergedRange {
    if result >= parameters.results { return MergedRange(0u, 0u, 0u); }
    let first = group * parameters.group_length;
    let count = min(parameters.group_length, parameters.merged - first);
    return MergedRange(result * parameters.merged + first, 1u, count);
}
