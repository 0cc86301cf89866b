// A target class among those of all parts; its logit comes with the states.
@group(0) @binding(3) var<storage, read> targets: array<i32>;

fn row_target(row: ptr<function, Row>, place: Place) {
    let label = targets[parameters.targets_offset + place.row];
    (*row).is_counted = parameters.has_ignore_index == 0u || label != parameters.ignore_index;
    (*row).is_valid = !(*row).is_counted || (label >= 0 && u32(label) < parameters.total_classes);
    if (*row).is_counted && (*row).is_valid {
        (*row).target_column = u32(label);
    }
    (*row).closes = true;
}
