// Of each tile of records: the sums of losses and z-losses, and how many rows are correct.
@group(0) @binding(1) var<storage, read> records: array<u32>;
@group(0) @binding(2) var<storage, read_write> partial_sums: array<vec4<u32>>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = workgroup.x * TILE;
    let end = min(first + TILE, parameters.rows);
    var losses: Sum;
    var z_losses: Sum;
    var correct = 0u;
    for (var row = first + lane; row < end; row += LANES) {
        let record = parameters.record_offset + row * RECORD_WORDS;
        if IS_REDUCED { sum_add(&losses, records[record + WORD_SUMMED]); }
        if IS_REDUCED && Z_LOSS { sum_add(&z_losses, records[record + WORD_Z_LOSS]); }
        if COUNTS_CORRECT { correct += records[record + WORD_CORRECT]; }
    }
    var sums = vec4<u32>(0u);
    var exponents = vec2<i32>(0);
    if IS_REDUCED {
        let of_loss = sum_rounded(merge_sums(lane, losses));
        sums.x = of_loss.bits;
        exponents.x = of_loss.exponent;
    }
    if IS_REDUCED && Z_LOSS {
        let of_z_loss = sum_rounded(merge_sums(lane, z_losses));
        sums.y = of_z_loss.bits;
        exponents.y = of_z_loss.exponent;
    }
    sums.w = bitcast<u32>((exponents.x & 0xffff) | (exponents.y << 16u));
    if COUNTS_CORRECT { sums.z = merge_counts(lane, vec2<u32>(correct, 0u)).x; }
    if lane == 0u {
        partial_sums[parameters.first_tile + workgroup.x] = sums;
    }
}
