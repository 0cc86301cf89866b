// TEAM lanes of one subgroup share a result, which the first of them gets. TEAM is at most the least
// subgroup size, the workgroup a multiple of the largest.
@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_invocation_id) invocation: u32,
) {
    run(workgroup.x, subgroup * size + invocation);
}

fn team_merge(index: u32, own: Partial) -> Partial {
    var merged = own;
    for (var distance = 1u; distance < TEAM; distance <<= 1u) {
        var words = partial_words(merged);
        words[0] = subgroupShuffleXor(words[0], distance);
        if PARTIAL_VECTORS == 2u {
            words[PARTIAL_VECTORS - 1u] = subgroupShuffleXor(words[PARTIAL_VECTORS - 1u], distance);
        }
        merged = partial_merge(merged, partial_from(words));
    }
    return merged;
}
