// LANES lanes of a workgroup share a row and meet in workgroup memory: a tree, so that the order
// is fixed. Every lane of the workgroup calls these, whether its row exists or not.

const RESULTS: u32 = LANES * ROWS;
var<workgroup> team_states: array<vec2<f32>, RESULTS>;
// What is not asked for has no room.
var<workgroup> team_values: array<u32, select(1u, RESULTS, FINDS_LOWEST)>;
var<workgroup> team_sums: array<vec4<f32>, select(1u, RESULTS, HAS_SUMS)>;
var<workgroup> team_flags: array<u32, select(1u, RESULTS, HAS_SUMS)>;
var<workgroup> team_counts: array<u32, select(1u, RESULTS, RANKS_TARGET)>;

@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let at = place_of(index);
    run(place_at(workgroup.x * ROWS + at.x, at.x, at.y));
}

fn team_merge(place: Place, state: vec2<f32>) -> vec2<f32> {
    let own = place.slot * LANES + place.lane;
    team_states[own] = state;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if place.lane < distance {
            team_states[own] = state_merge(team_states[own], team_states[own + distance]);
        }
    }
    workgroupBarrier();
    return team_states[place.slot * LANES];
}

fn team_lowest(place: Place, value: u32) -> u32 {
    let own = place.slot * LANES + place.lane;
    workgroupBarrier(); // the result of an earlier call has been read
    team_values[own] = value;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if place.lane < distance {
            team_values[own] = min(team_values[own], team_values[own + distance]);
        }
    }
    workgroupBarrier();
    return team_values[place.slot * LANES];
}

fn team_sum(place: Place, values: vec4<f32>) -> vec4<f32> {
    let own = place.slot * LANES + place.lane;
    team_sums[own] = values;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if place.lane < distance {
            team_sums[own] += team_sums[own + distance];
        }
    }
    workgroupBarrier();
    return team_sums[place.slot * LANES];
}

fn team_or(place: Place, flags: u32) -> u32 {
    let own = place.slot * LANES + place.lane;
    team_flags[own] = flags;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if place.lane < distance {
            team_flags[own] |= team_flags[own + distance];
        }
    }
    workgroupBarrier();
    return team_flags[place.slot * LANES];
}

fn team_count(place: Place, count: u32) -> u32 {
    let own = place.slot * LANES + place.lane;
    team_counts[own] = count;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if place.lane < distance {
            team_counts[own] += team_counts[own + distance];
        }
    }
    workgroupBarrier();
    return team_counts[place.slot * LANES];
}
