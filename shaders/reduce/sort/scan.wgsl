// From counts to the places of the first of each: an exclusive running sum, by one workgroup.
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;

var<workgroup> lane_totals: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    let share = (parameters.count + LANES - 1u) / LANES;
    let first = min(lane * share, parameters.count);
    let end = min(first + share, parameters.count);
    var total = 0u;
    for (var k = first; k < end; k++) { total += counts[k]; }
    lane_totals[lane] = total;
    workgroupBarrier();
    var before = 0u;
    for (var other = 0u; other < lane; other++) { before += lane_totals[other]; }
    for (var k = first; k < end; k++) {
        let count = counts[k];
        counts[k] = before;
        before += count;
    }
}
