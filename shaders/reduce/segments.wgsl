// Segments by the offsets of their first rows, cut into pieces where a row's number is a multiple of
// part_length. Piece s + t is what segment s has of part t: each number but that of an empty piece
// stands for one of them.
fn segment_start(segment: u32) -> u32 {
    return min(segment_offsets_at(parameters.segments_offset + segment), parameters.rows);
}

fn first_piece(segment: u32) -> u32 {
    return segment + segment_start(segment) / parameters.part_length;
}

fn row_range(piece: u32, part: u32) -> vec2<u32> {
    // The last segment whose first piece is not beyond this one.
    var low = 0u;
    var high = parameters.segments;
    while high - low > 1u {
        let middle = (low + high) / 2u;
        if first_piece(middle) <= piece { low = middle; } else { high = middle; }
    }
    if first_piece(low) > piece { return vec2<u32>(0u); }
    let first = (piece - low) * parameters.part_length;
    let end = min(segment_start(low + 1u), first + parameters.part_length);
    return vec2<u32>(max(first, segment_start(low)), end);
}

fn row_at(position: u32) -> u32 {
    if !ROWS_ARE_SORTED { return position; }
    return sorted_rows_at(position);
}

fn output_piece(piece: u32, part: u32) -> u32 {
    return piece;
}

struct MergedRange {
    first: u32,
    step: u32,
    count: u32,
}

fn merged_range(result: u32, group: u32) -> MergedRange {
    if result >= parameters.results { return MergedRange(0u, 0u, 0u); }
    let segment = result / parameters.columns;
    let first = first_piece(segment);
    return MergedRange(
        first * parameters.columns + result % parameters.columns,
        parameters.columns,
        max(first_piece(segment + 1u), first) - first,
    );
}
