// Counted over all parts.
fn argmax_write(place: Place, row: Row, column: u32) {
    states[parameters.state_offset + place.row].argmax = parameters.first_class + column;
}
