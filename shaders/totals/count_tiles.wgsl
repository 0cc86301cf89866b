// Of each tile of rows: how many count, the sums of their weights, and the first whose target is no
// class.
@group(0) @binding(2) var<storage, read_write> partial_counts: array<Counts>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = workgroup.x * TILE;
    let end = min(first + TILE, parameters.rows);
    var counted = vec2<u32>(0u, 0xffffffffu);
    var denominator: Sum;
    var row_weights: Sum;
    for (var row = first + lane; row < end; row += LANES) {
        if target_counts(row) {
            counted.x += 1u;
            if !target_is_valid(row) {
                counted.y = min(counted.y, parameters.first_row + row);
            } else if IS_WEIGHTED {
                let weight = row_weight(row);
                sum_add(&row_weights, bitcast<u32>(weight));
                sum_add(&denominator, bitcast<u32>(weight * target_weight(row)));
            }
        }
    }
    let merged = merge_counts(lane, counted);
    var counts = Counts(merged.x, merged.y, 0u, 0u);
    if IS_WEIGHTED {
        counts.denominator = sum_bits(merge_sums(lane, denominator));
        counts.row_weight = sum_bits(merge_sums(lane, row_weights));
    }
    if lane == 0u {
        partial_counts[parameters.first_tile + workgroup.x] = counts;
    }
}
