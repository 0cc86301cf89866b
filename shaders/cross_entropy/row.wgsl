// Softmax cross-entropy against a target class. The lane that holds the target's column reads that
// logit before the gradient can take its place, and writes the loss: no other lane needs it.
@group(0) @binding(3) var<storage, read> targets: array<i32>;

struct Row {
    end: u32,           // columns to read: 0 for a row that nothing depends on
    target_column: u32, // 0xffffffff where the row has no part in the loss
    target_bits: u32,   // the target's logit, in its owner
    closes: bool,       // this lane writes the row's results
    is_counted: bool,
    is_valid: bool,     // the target is a class, or ignored
}

fn row_open(place: Place) -> Row {
    var row = Row(0u, 0xffffffffu, 0u, false, false, true);
    if place.row >= parameters.rows {
        return row;
    }
    let label = targets[parameters.targets_offset + place.row];
    row.is_counted = parameters.has_ignore_index == 0u || label != parameters.ignore_index;
    if row.is_counted || READS_IGNORED_ROWS {
        row.end = parameters.classes;
    }
    row.is_valid = !row.is_counted || (label >= 0 && u32(label) < parameters.classes);
    var owner = 0u;
    if row.is_counted && row.is_valid {
        row.target_column = u32(label);
        owner = block_owner(row.target_column);
        if place.lane == owner {
            row.target_bits = load1(logits_start(place.row), row.target_column);
        }
    }
    row.closes = place.lane == owner;
    return row;
}
