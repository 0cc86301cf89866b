@group(0) @binding(1) var<storage, read> partial_counts: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var counted = vec2<u32>(0u, 0xffffffffu);
    for (var tile = lane; tile < parameters.tiles; tile += LANES) {
        let other = partial_counts[tile];
        counted = vec2<u32>(counted.x + other.x, min(counted.y, other.y));
    }
    let merged = merge_counts(lane, counted);
    if lane == 0u {
        let at = parameters.totals_offset;
        // Until the losses are summed, and for good where they are not: NaN.
        totals[at + TOTALS_LOSS] = 0x7fc00000u;
        totals[at + TOTALS_DENOMINATOR] = bitcast<u32>(f32(merged.x));
        totals[at + TOTALS_COUNTED] = merged.x;
        totals[at + TOTALS_FIRST_INVALID_ROW] = merged.y;
    }
}
