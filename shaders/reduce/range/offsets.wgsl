// Segments by the offsets of their first rows, cut into pieces where a row's number is a multiple of
// part_length. Piece s + t is what segment s has of part t: each number but that of an empty piece
// stands for one of them.
@group(0) @binding(7) var<storage, read> segment_offsets: array<u32>;

fn segment_start(segment: u32) -> u32 {
    return min(segment_offsets[parameters.segments_offset + segment], parameters.rows);
}

fn first_piece(segment: u32) -> u32 {
    return segment + segment_start(segment) / parameters.part_length;
}
