// A lane that has a row to itself, and nobody to tell anything. The files of team/ define what its lanes find
// together, each the same value: team_merge of states, team_lowest of numbers, team_sum of vectors, team_or of
// flags, team_count of counts; and but for this one main.
fn team_merge(place: Place, state: vec2<f32>) -> vec2<f32> {
    return state;
}

fn team_lowest(place: Place, value: u32) -> u32 {
    return value;
}

fn team_sum(place: Place, values: vec4<f32>) -> vec4<f32> {
    return values;
}

fn team_or(place: Place, flags: u32) -> u32 {
    return flags;
}

fn team_count(place: Place, count: u32) -> u32 {
    return count;
}
