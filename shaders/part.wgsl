// A row is gone over by one team; or, where it IS_SPLIT, it is cut into parts of part_classes columns,
// each gone over by a team of its own: neighbouring teams have the same part of neighbouring rows.
var<private> row_part: u32;

fn place_at(index: u32, slot: u32, lane: u32) -> Place {
    if !IS_SPLIT { return Place(index, slot, lane); }
    row_part = index / parameters.rows;
    let row = select(index % parameters.rows, parameters.rows, row_part >= parameters.parts);
    return Place(row, slot, lane);
}

// The row's column that is column 0 here.
fn first_column() -> u32 {
    if !IS_SPLIT { return 0u; }
    return row_part * parameters.part_classes;
}

// Where the elements gone over start, of a row that starts there.
fn part_start(start: u32) -> u32 {
    if !IS_SPLIT { return start; }
    return element_at(start, first_column());
}

fn columns() -> u32 {
    if !IS_SPLIT { return parameters.classes; }
    return min(parameters.part_classes, parameters.classes - first_column());
}

fn state_index(place: Place) -> u32 {
    if !IS_SPLIT { return parameters.state_offset + place.row; }
    return parameters.state_offset + row_part * parameters.part_stride + place.row;
}
