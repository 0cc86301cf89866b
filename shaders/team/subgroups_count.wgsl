var<workgroup> team_counts: array<u32, LANES / SMALLEST_SUBGROUP>;

fn count_in_subgroup(count: u32) -> u32 {
    var all = count;
    for (var distance = 1u; distance < size; distance <<= 1u) {
        all += subgroupShuffleXor(all, distance);
    }
    return all;
}

fn team_count(place: Place, count: u32) -> u32 {
    let own = count_in_subgroup(count);
    if invocation == 0u {
        team_counts[subgroup] = own;
    }
    workgroupBarrier();
    var all = 0u;
    for (var other = invocation; other < subgroup_count; other += size) {
        all += team_counts[other];
    }
    return count_in_subgroup(all);
}
