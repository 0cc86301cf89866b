// A whole workgroup shares a row: its subgroups exchange first, then their results meet in
// workgroup memory behind a single barrier.

// Room for a result of every subgroup, however small subgroups are.
const RESULTS: u32 = LANES / SMALLEST_SUBGROUP;
var<workgroup> team_states: array<vec2<f32>, RESULTS>;
// What is not asked for has no room.
var<workgroup> team_values: array<u32, select(1u, RESULTS, FINDS_LOWEST)>;
var<workgroup> team_sums: array<vec4<f32>, select(1u, RESULTS, HAS_SUMS)>;
var<workgroup> team_flags: array<u32, select(1u, RESULTS, HAS_SUMS)>;
var<workgroup> team_counts: array<u32, select(1u, RESULTS, RANKS_TARGET)>;
var<private> subgroup: u32;
var<private> subgroup_count: u32;
var<private> size: u32;
var<private> invocation: u32;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) own_subgroup: u32,
    @builtin(subgroup_size) own_size: u32,
    @builtin(subgroup_invocation_id) own_invocation: u32,
) {
    subgroup = own_subgroup;
    subgroup_count = LANES / own_size;
    size = own_size;
    invocation = own_invocation;
    run(place_at(workgroup.x, 0u, own_subgroup * own_size + own_invocation));
}

fn merge_in_subgroup(state: vec2<f32>) -> vec2<f32> {
    var merged = state;
    for (var distance = 1u; distance < size; distance <<= 1u) {
        merged = state_merge(merged, subgroupShuffleXor(merged, distance));
    }
    return merged;
}

fn lowest_in_subgroup(value: u32) -> u32 {
    var lowest = value;
    for (var distance = 1u; distance < size; distance <<= 1u) {
        lowest = min(lowest, subgroupShuffleXor(lowest, distance));
    }
    return lowest;
}

fn team_merge(place: Place, state: vec2<f32>) -> vec2<f32> {
    let merged = merge_in_subgroup(state);
    if invocation == 0u {
        team_states[subgroup] = merged;
    }
    workgroupBarrier();
    var all = STATE_EMPTY;
    for (var other = invocation; other < subgroup_count; other += size) {
        all = state_merge(all, team_states[other]);
    }
    return merge_in_subgroup(all);
}

fn team_lowest(place: Place, value: u32) -> u32 {
    let lowest = lowest_in_subgroup(value);
    workgroupBarrier(); // the result of an earlier call has been read
    if invocation == 0u {
        team_values[subgroup] = lowest;
    }
    workgroupBarrier();
    var all = 0xffffffffu;
    for (var other = invocation; other < subgroup_count; other += size) {
        all = min(all, team_values[other]);
    }
    return lowest_in_subgroup(all);
}

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
