// A row of logits, and what it is compared with.
const NO_TARGET: u32 = 0xffffffffu;

struct Row {
    end: u32,           // columns to read: 0 for a row that nothing depends on
    target_column: u32, // NO_TARGET where there is none
    target_bits: u32,   // the target's logit, in its owner
    class_weight: f32,  // of the target; 0 where there is none
    weight: f32,
    closes: bool,       // this lane writes the row's results
    is_counted: bool,
    is_valid: bool,     // the target is a class, or ignored
}

fn row_open(place: Place) -> Row {
    var row = Row(0u, NO_TARGET, 0u, 0.0, 0.0, false, false, true);
    if place.row >= parameters.rows {
        return row;
    }
    row.weight = row_weight(place.row);
    row_target(&row, place);
    if row.is_counted || READS_IGNORED_ROWS {
        row.end = columns();
    }
    return row;
}

// The target's own coefficient in the loss, beside what label smoothing gives to every class.
fn target_coefficient(row: Row) -> f32 {
    return parameters.target_share * row.class_weight;
}

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
