// The lanes' optional sums, each moved to the row's maximum, added up.
fn summarize(place: Place, own: vec2<f32>, state: vec2<f32>) -> Summary {
    let terms = terms_at(state.x);
    let sums = team_sum(place, vec4<f32>(terms, moment_at(place, own, state.x), 0.0));
    return Summary(state, sums.x, sums.y, sums.z, team_or(place, terms_flags()));
}
