var<workgroup> team_sums: array<vec4<f32>, LANES / SMALLEST_SUBGROUP>;
var<workgroup> team_flags: array<u32, LANES / SMALLEST_SUBGROUP>;

fn sum_in_subgroup(values: vec4<f32>) -> vec4<f32> {
    var sum = values;
    for (var distance = 1u; distance < size; distance <<= 1u) {
        sum += subgroupShuffleXor(sum, distance);
    }
    return sum;
}

fn or_in_subgroup(flags: u32) -> u32 {
    var all = flags;
    for (var distance = 1u; distance < size; distance <<= 1u) {
        all |= subgroupShuffleXor(all, distance);
    }
    return all;
}

fn team_sum(place: Place, values: vec4<f32>) -> vec4<f32> {
    let sum = sum_in_subgroup(values);
    if invocation == 0u {
        team_sums[subgroup] = sum;
    }
    workgroupBarrier();
    var all = vec4<f32>(0.0);
    for (var other = invocation; other < subgroup_count; other += size) {
        all += team_sums[other];
    }
    return sum_in_subgroup(all);
}

fn team_or(place: Place, flags: u32) -> u32 {
    let own = or_in_subgroup(flags);
    if invocation == 0u {
        team_flags[subgroup] = own;
    }
    workgroupBarrier();
    var all = 0u;
    for (var other = invocation; other < subgroup_count; other += size) {
        all |= team_flags[other];
    }
    return or_in_subgroup(all);
}
