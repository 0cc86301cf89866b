var<workgroup> team_sums: array<vec4<f32>, LANES * ROWS>;
var<workgroup> team_flags: array<u32, LANES * ROWS>;

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
