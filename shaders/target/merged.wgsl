// A target class among those of all parts, where a row HAS_TARGET_CLASS; its logit comes with the states.
fn row_target(row: ptr<function, Row>, place: Place) {
    (*row).is_counted = true;
    (*row).closes = true;
    if !HAS_TARGET_CLASS { return; }
    let label = bitcast<i32>(targets_at(parameters.targets_offset + place.row));
    (*row).is_counted = parameters.has_ignore_index == 0u || label != parameters.ignore_index;
    (*row).is_valid = !(*row).is_counted || (label >= 0 && u32(label) < parameters.total_classes);
    if (*row).is_counted && (*row).is_valid {
        (*row).target_column = u32(label);
    }
}
