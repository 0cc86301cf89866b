@group(0) @binding(7) var<storage, read_write> states: array<PartialState>;

fn state_save(place: Place, row: Row, all: Summary) {
    // The argmax has been written already, or will be, by another lane.
    let at = state_index(place);
    let counts = row.is_counted && row.is_valid;
    states[at].maximum = all.state.x;
    states[at].rest = all.state.y;
    states[at].distance = select(0.0, all.distance, counts);
    states[at].weight = select(0.0, all.weight, counts);
    states[at].spread = all.moment;
    states[at].target_bits = select(0u, row.target_bits, (all.flags & FLAG_HOLDS_TARGET) != 0u);
    states[at].flags = select(0u, all.flags, counts);
}
