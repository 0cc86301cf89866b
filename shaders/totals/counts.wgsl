// What is known of rows before their logits are read.
struct Counts {
    counted: u32,
    first_invalid: u32,
    denominator: RoundedSum, // of v_i w_{y_i}
    row_weight: RoundedSum,  // of v_i
}

var<workgroup> lane_counts: array<vec2<u32>, LANES>;

// The results are lane 0's.
fn merge_counts(lane: u32, own: vec2<u32>) -> vec2<u32> {
    lane_counts[lane] = own;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if lane < distance {
            let other = lane_counts[lane + distance];
            lane_counts[lane] = vec2<u32>(lane_counts[lane].x + other.x, min(lane_counts[lane].y, other.y));
        }
    }
    return lane_counts[lane];
}
