// What a dispatch over rows is told. Offsets and strides count elements from the binding's start.
struct RowParameters {
    rows: u32,
    classes: u32,
    logits_offset: u32,
    logits_stride: u32,
    gradient_offset: u32,
    gradient_stride: u32,
    targets_offset: u32,
    loss_offset: u32,
    log_sum_exp_offset: u32,
    argmax_offset: u32,
    state_offset: u32,
    upstream_offset: u32,
    upstream_stride: u32,
    totals_offset: u32,
    upstream: f32,
    ignore_index: i32,
    has_ignore_index: u32,
}

@group(0) @binding(0) var<uniform> parameters: RowParameters;

// Where a lane stands.
struct Place {
    row: u32,  // of the dispatch
    slot: u32, // the row's place in the workgroup
    lane: u32, // of the row
}
