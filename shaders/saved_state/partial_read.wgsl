@group(0) @binding(7) var<storage, read> states: array<PartialState>;

// As the lanes of a row would have summed it up: without the target's own share, which they add.
fn state_read(place: Place, row: Row) -> Summary {
    let saved = states[parameters.state_offset + place.row];
    return Summary(
        vec2<f32>(saved.maximum, saved.rest),
        saved.distance,
        saved.weight - target_coefficient(row),
        saved.spread,
        saved.flags,
    );
}
