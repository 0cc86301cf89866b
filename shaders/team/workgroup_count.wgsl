var<workgroup> team_counts: array<u32, LANES * ROWS>;

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
