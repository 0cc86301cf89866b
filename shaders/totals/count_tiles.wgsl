// Of each tile of rows: how many count, the sums of their weights, and the first whose target is no
// class.
@group(0) @binding(2) var<storage, read_write> partial_counts: array<Counts>;

fn label_at(row: u32) -> i32 {
    return bitcast<i32>(targets_at(parameters.targets_offset + row));
}

// Of probabilities every row counts, and class weights stay out of the denominator.
fn target_counts(row: u32) -> bool {
    if !HAS_TARGET_CLASS { return true; }
    return parameters.has_ignore_index == 0u || label_at(row) != parameters.ignore_index;
}

fn target_is_valid(row: u32) -> bool {
    if !HAS_TARGET_CLASS { return true; }
    let label = label_at(row);
    return label >= 0 && u32(label) < parameters.total_classes;
}

fn target_weight(row: u32) -> f32 {
    if !HAS_TARGET_CLASS { return 1.0; }
    return class_weight(u32(label_at(row)));
}

// A product that is too large for f32 is added as it is.
fn sum_add_product(sum: ptr<function, Sum>, a: f32, b: f32) {
    let is_finite = (met_by(bitcast<u32>(a)) | met_by(bitcast<u32>(b))) == 0u;
    if is_finite && is_large(a * b) {
        (*sum).finite = wide_sum((*sum).finite, wide_product(wide_of(a), wide_of(b)));
    } else {
        sum_add(sum, bitcast<u32>(a * b));
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = workgroup.x * TILE;
    let end = min(first + TILE, parameters.rows);
    var counted = vec2<u32>(0u, 0xffffffffu);
    var denominator: Sum;
    var row_weights: Sum;
    for (var row = first + lane; row < end; row += LANES) {
        if target_counts(row) {
            counted.x += 1u;
            if !target_is_valid(row) {
                counted.y = min(counted.y, parameters.first_row + row);
            } else if IS_WEIGHTED {
                let weight = row_weight(row);
                sum_add(&row_weights, bitcast<u32>(weight));
                sum_add_product(&denominator, weight, target_weight(row));
            }
        }
    }
    let merged = merge_counts(lane, counted);
    var counts = Counts(merged.x, merged.y, RoundedSum(0u, 0), RoundedSum(0u, 0));
    if IS_WEIGHTED {
        counts.denominator = sum_rounded(merge_sums(lane, denominator));
        counts.row_weight = sum_rounded(merge_sums(lane, row_weights));
    }
    if lane == 0u {
        partial_counts[parameters.first_tile + workgroup.x] = counts;
    }
}
