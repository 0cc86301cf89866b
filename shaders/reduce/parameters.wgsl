// What the dispatches of a reduction are told. Offsets, strides and lengths count elements. A run is
// what lies side by side: a row, or all values where there are no gaps.
struct ReduceParameters {
    loss: vec4<f32>, // numbers that an element-wise loss depends on

    runs: u32,        // along the inner axis, or pieces of segments
    units: u32,       // groups of runs, or of columns: a workgroup for each
    parts: u32,       // that long runs or columns are cut into
    first_part: u32,
    length: u32,      // of a run or column, from this dispatch's first part on
    part_length: u32,
    rounds: u32,      // runs that a team takes one after the other
    columns: u32,     // side by side
    width: u32,       // columns of a workgroup
    depth: u32,       // lanes that share a column

    values_offset: u32,
    values_outer: u32, // from a run to the next along the outer axis
    values_inner: u32, // along the inner axis; from a row to the next
    weights_offset: u32,
    weights_outer: u32,
    weights_inner: u32,
    weights_step: u32, // along the run; from a column to the next
    gradient_offset: u32,
    gradient_outer: u32,
    gradient_inner: u32,
    weight_gradient_offset: u32,
    weight_gradient_outer: u32,
    weight_gradient_inner: u32,

    // Operands of element-wise losses.
    targets_offset: u32,
    targets_outer: u32,
    targets_inner: u32,
    third_offset: u32, // the weight of positives, or the variance
    third_outer: u32,
    third_inner: u32,
    third_step: u32,
    third_gradient_offset: u32,
    third_gradient_outer: u32,
    third_gradient_inner: u32,
    losses_offset: u32,
    losses_outer: u32,
    losses_inner: u32,
    upstream_outer: u32,
    upstream_inner: u32,
    upstream_step: u32,
    target_scale: f32, // smooth targets
    target_shift: f32,
    threshold: f32,
    divisor_high: f32, // of a sum; their sum is exact
    divisor_low: f32,

    // The result that a value belongs to, and its upstream gradient.
    result_offset: u32, // words before the first
    result_outer: u32,
    result_inner: u32,
    result_step: u32,
    upstream_offset: u32,
    upstream_stride: u32,

    // Where results and partial results are written.
    output_offset: u32, // words, or vectors of a partial result, before the first
    output_outer: u32,
    output_inner: u32,
    output_part: u32,

    results: u32,
    merged: u32,       // partial results of each
    groups: u32,       // that they are merged in
    group_length: u32,

    segments: u32,
    segments_offset: u32,
    rows: u32,
    shift: u32, // of the digit that is sorted by
    count: u32,
    upstream: f32,
    correction: f32,
    zero: u32, // 0, which no compiler knows
    counts_offset: u32, // of positives and negatives
}

@group(0) @binding(0) var<uniform> parameters: ReduceParameters;

const BITS_NEGATIVE_INFINITY: u32 = 0xff800000u;
const BITS_ONE: u32 = 0x3f800000u;

// Where the values and the weights of a run start.
fn values_start(outer: u32, at: u32) -> u32 {
    return parameters.values_offset + outer * parameters.values_outer + at * parameters.values_inner;
}

fn weights_start(outer: u32, at: u32) -> u32 {
    return parameters.weights_offset + outer * parameters.weights_outer + at * parameters.weights_inner;
}
