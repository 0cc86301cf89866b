// LANES lanes of one subgroup share a row; LANES is at most the least subgroup size, the workgroup
// a multiple of the largest. The subgroup's own numbering places the lanes: nothing says that
// local_invocation_index runs along subgroups.

@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_invocation_id) invocation: u32,
) {
    let index = subgroup * size + invocation;
    let slot = index / LANES;
    run(place_at(workgroup.x * ROWS + slot, slot, index % LANES));
}

fn team_merge(place: Place, state: vec2<f32>) -> vec2<f32> {
    var merged = state;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        merged = state_merge(merged, subgroupShuffleXor(merged, distance));
    }
    return merged;
}

fn team_lowest(place: Place, value: u32) -> u32 {
    var lowest = value;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        lowest = min(lowest, subgroupShuffleXor(lowest, distance));
    }
    return lowest;
}

// Every lane adds the same pairs in the same order up to exchange, so all get the same bits.
fn team_sum(place: Place, values: vec4<f32>) -> vec4<f32> {
    var sum = values;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        sum += subgroupShuffleXor(sum, distance);
    }
    return sum;
}

fn team_or(place: Place, flags: u32) -> u32 {
    var all = flags;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        all |= subgroupShuffleXor(all, distance);
    }
    return all;
}

fn team_count(place: Place, count: u32) -> u32 {
    var all = count;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        all += subgroupShuffleXor(all, distance);
    }
    return all;
}
