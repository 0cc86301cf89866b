@group(0) @binding(1) var<storage, read> targets: array<i32>;

fn target_counts(row: u32) -> bool {
    return parameters.has_ignore_index == 0u || targets[parameters.targets_offset + row] != parameters.ignore_index;
}

fn target_is_valid(row: u32) -> bool {
    let label = targets[parameters.targets_offset + row];
    return label >= 0 && u32(label) < parameters.total_classes;
}

fn target_weight(row: u32) -> f32 {
    return class_weight(u32(targets[parameters.targets_offset + row]));
}
