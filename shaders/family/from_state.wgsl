// Backward from the states that a forward saved: nothing to reduce.
@group(0) @binding(7) var<storage, read> states: array<vec2<f32>>;

fn run(place: Place) {
    let row = row_open(place);
    if row.end == 0u { return; }
    gradient_from_logits(place, row, states[parameters.state_offset + place.row]);
}
