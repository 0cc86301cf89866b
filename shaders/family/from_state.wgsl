// Backward from the states that a forward saved: nothing to reduce.
fn run(place: Place) {
    let row = row_open(place);
    if row.end == 0u { return; }
    gradient_from_logits(place, row, state_read(place, row));
}
