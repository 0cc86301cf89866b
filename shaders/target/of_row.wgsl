// A target class, where a row HAS_TARGET_CLASS; else no class is special, and every row counts. row_open calls
// row_target, and whoever ranks a target row_label.
//
// The lane that writes the target column's gradient reads that logit before the gradient can take its place,
// and writes the row's results: no other lane needs it.
fn row_target(row: ptr<function, Row>, place: Place) {
    if !HAS_TARGET_CLASS {
        (*row).is_counted = true;
        (*row).closes = place.lane == 0u;
        return;
    }
    let label = bitcast<i32>(row_label(place));
    (*row).is_counted = parameters.has_ignore_index == 0u || label != parameters.ignore_index;
    (*row).is_valid = !(*row).is_counted || (label >= 0 && u32(label) < parameters.total_classes);
    var owner = 0u;
    // Below the part's first class this wraps beyond its last.
    let column = u32(label) - parameters.first_class - first_column();
    if (*row).is_counted && (*row).is_valid {
        (*row).class_weight = class_weight(u32(label));
    }
    if (*row).is_counted && (*row).is_valid && column < columns() {
        (*row).target_column = column;
        owner = column_owner(column + gradient_shift(place.row));
        if place.lane == owner {
            let stored = logits_load1(logits_start(place.row), column);
            (*row).target_bits = transformed(vec4<u32>(stored), 0u, 4u).x;
        }
    }
    (*row).closes = place.lane == owner;
}

// The class that the target is.
fn row_label(place: Place) -> u32 {
    if !HAS_TARGET_CLASS { return NO_TARGET; }
    return targets_at(parameters.targets_offset + place.row);
}

// Columns by which the gradient's vectors start early, so that they lie on whole words of halves: the
// row's first vector then has a column less, and only its ends share words with other rows.
fn gradient_shift(row: u32) -> u32 {
    if !IS_SHIFTED { return 0u; }
    return gradient_start(row) % 2u;
}
