@group(0) @binding(3) var<storage, read> previous_rows: array<u32>;

fn row_of(position: u32) -> u32 {
    return previous_rows[position];
}
