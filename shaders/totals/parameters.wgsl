// What the dispatches that reduce over the rows of a batch are told.
struct TotalsParameters {
    rows: u32,       // of this dispatch
    first_row: u32,  // of this dispatch in the batch
    first_tile: u32, // of this dispatch in the batch
    tiles: u32,      // of the batch
    total_classes: u32,
    targets_offset: u32,
    class_weights_offset: u32,
    row_weights_offset: u32,
    record_offset: u32,
    totals_offset: u32,
    ignore_index: i32,
    has_ignore_index: u32,
    batch_size: f32, // what a mean over all rows, or all logits, is divided by
    zero: u32, // 0, which no compiler knows
}

@group(0) @binding(0) var<uniform> parameters: TotalsParameters;

// Rows a workgroup reduces to one partial result.
const TILE: u32 = 64u * LANES;

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

var<workgroup> lane_sums: array<Sum, LANES>;

// The result is lane 0's.
fn merge_sums(lane: u32, own: Sum) -> Sum {
    workgroupBarrier(); // the result of an earlier call has been read
    lane_sums[lane] = own;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if lane < distance {
            lane_sums[lane] = sum_merge(lane_sums[lane], lane_sums[lane + distance]);
        }
    }
    return lane_sums[lane];
}
