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
