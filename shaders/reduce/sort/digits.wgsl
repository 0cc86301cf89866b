// A stable sort of rows by the ids of their segments, four bits at a time.
const DIGITS: u32 = 16u;
const ROWS_PER_LANE: u32 = 16u;
const TILE: u32 = ROWS_PER_LANE * LANES;

@group(0) @binding(1) var<storage, read> keys: array<u32>;

// Ids of no segment come last.
fn key_at(row: u32) -> u32 {
    return min(keys[parameters.values_offset + row], parameters.segments);
}

fn digit_at(row: u32) -> u32 {
    return (key_at(row) >> parameters.shift) % DIGITS;
}
