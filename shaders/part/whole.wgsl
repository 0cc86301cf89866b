// A row is gone over by one team.
fn place_at(index: u32, slot: u32, lane: u32) -> Place {
    return Place(index, slot, lane);
}

// The row's column that is column 0 here.
fn first_column() -> u32 {
    return 0u;
}

// Where the elements gone over start, of a row that starts there.
fn part_start(start: u32) -> u32 {
    return start;
}

fn columns() -> u32 {
    return parameters.classes;
}

fn state_index(place: Place) -> u32 {
    return parameters.state_offset + place.row;
}
