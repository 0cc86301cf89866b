// The whole of a row's state. The argmax is written by another lane, earlier or later; what is merged from
// parts, at once.
@group(0) @binding(7) var<storage, read_write> states: array<PartialState>;

fn state_save(place: Place, row: Row, all: Summary) {
    if KEEPS_MERGED { return; }
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

// Counted over all parts.
fn state_save_argmax(place: Place, column: u32) {
    if !KEEPS_ARGMAX { return; }
    states[state_index(place)].argmax = parameters.first_class + first_column() + column;
}

// Of a part of the row, beside the flags.
fn state_save_rank(place: Place, row: Row, rank: u32) {
    if !KEEPS_RANK { return; }
    if row.is_counted && row.is_valid {
        states[state_index(place)].flags |= rank * CLASSES_BEFORE;
    }
}

fn state_save_merged(place: Place, merged: PartialState) {
    if !KEEPS_MERGED { return; }
    states[parameters.state_offset + place.row] = merged;
}
