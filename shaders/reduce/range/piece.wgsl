// The rows of a piece of a segment.
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

fn output_piece(piece: u32, part: u32) -> u32 {
    return piece;
}
