@group(0) @binding(7) var<storage, read_write> states: array<PartialState>;

fn merged_save(place: Place, merged: PartialState) {
    states[parameters.state_offset + place.row] = merged;
}
