fn team_sum(place: Place, values: vec4<f32>) -> vec4<f32> {
    return values;
}

fn team_or(place: Place, flags: u32) -> u32 {
    return flags;
}
