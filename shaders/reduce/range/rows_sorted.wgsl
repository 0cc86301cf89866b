@group(0) @binding(8) var<storage, read> sorted_rows: array<u32>;

fn row_at(position: u32) -> u32 {
    return sorted_rows[position];
}
