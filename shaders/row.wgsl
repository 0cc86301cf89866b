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
