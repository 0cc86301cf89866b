// Counted over all parts.
fn argmax_write(place: Place, row: Row, column: u32) {
    states[state_index(place)].argmax = parameters.first_class + first_column() + column;
}
