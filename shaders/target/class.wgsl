// A target class. Each file of target/ defines row_target, which row_open calls, and but for merged_class
// row_label, for whom ranks a target; values4 comes from values.wgsl where the target does not define it.
//
// The lane that writes its column's gradient reads that logit before the gradient can take its place, and
// writes the row's results: no other lane needs it.
@group(0) @binding(3) var<storage, read> targets: array<i32>;

fn row_target(row: ptr<function, Row>, place: Place) {
    let label = targets[parameters.targets_offset + place.row];
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
    return u32(targets[parameters.targets_offset + place.row]);
}

// No class has a probability of its own.
fn values4(place: Place, column: u32, end: u32) -> vec4<f32> {
    return vec4<f32>(0.0);
}
