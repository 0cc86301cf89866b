// Probabilities: no class is special, every row counts.
fn row_target(row: ptr<function, Row>, place: Place) {
    (*row).is_counted = true;
    (*row).closes = place.lane == 0u;
}
