// Puts keys and rows in the order of a digit; those of the same digit stay in theirs.
@group(0) @binding(2) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read_write> sorted_keys: array<u32>;
@group(0) @binding(5) var<storage, read_write> sorted_rows: array<u32>;

var<workgroup> places: array<u32, LANES * DIGITS>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (parameters.first_part + workgroup.x) * TILE + lane * ROWS_PER_LANE;
    let end = min(first + ROWS_PER_LANE, parameters.rows);
    for (var digit = 0u; digit < DIGITS; digit++) { places[digit * LANES + lane] = 0u; }
    for (var row = first; row < end; row++) { places[digit_at(row) * LANES + lane] += 1u; }
    workgroupBarrier();
    // A lane for each digit: where the first of each lane goes.
    if lane < DIGITS {
        var place = counts[lane * parameters.parts + parameters.first_part + workgroup.x];
        for (var other = 0u; other < LANES; other++) {
            let count = places[lane * LANES + other];
            places[lane * LANES + other] = place;
            place += count;
        }
    }
    workgroupBarrier();
    for (var row = first; row < end; row++) {
        let at = digit_at(row) * LANES + lane;
        let place = places[at];
        places[at] = place + 1u;
        sorted_keys[place] = key_at(row);
        sorted_rows[place] = row_of(row);
    }
}

// The row that earlier digits put at a position.
fn row_of(position: u32) -> u32 {
    if !ROWS_ARE_SORTED { return position; }
    return previous_rows_at(position);
}
