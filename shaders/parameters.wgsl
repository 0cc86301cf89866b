// What a dispatch over rows is told. Offsets and strides count elements from the binding's start.
struct RowParameters {
    rows: u32,
    classes: u32,
    inner: u32,       // rows side by side; 1 for (rows, classes)
    first_inner: u32, // place of the dispatch's first row among them
    logits_offset: u32,
    logits_stride: u32,
    gradient_offset: u32,
    gradient_stride: u32,
    targets_offset: u32,
    targets_stride: u32, // of what has a value for each logit
    record_offset: u32,
    state_offset: u32,
    upstream_offset: u32,
    upstream_stride: u32,
    totals_offset: u32,
    class_weights_offset: u32,
    row_weights_offset: u32,
    first_class: u32,   // class of column 0
    total_classes: u32, // of all parts
    ignore_index: i32,
    has_ignore_index: u32,
    parts: u32,       // partial states of each row
    part_stride: u32, // states from a part to the next
    part_classes: u32, // columns of a part of a row that is cut
    upstream: f32,
    target_share: f32,    // 1 - label smoothing
    smoothing_share: f32, // label smoothing / classes
    z_loss: f32,
    logit_scale: f32,
    softcap: f32,
    scale_per_softcap: f32,
    gamma: f32,      // of a focal loss
    top_k: u32,      // ranks that are correct
    loss_scale: f32, // of a loss at a temperature, which is 1 / logit_scale
    unit: f32,       // of a divergence's differences of logarithms: the temperature
    batch_size: f32, // what a mean over all rows, or all logits, is divided by
    zero: u32,       // 0, which no compiler knows
}

@group(0) @binding(0) var<uniform> parameters: RowParameters;

// Where a lane stands.
struct Place {
    row: u32,  // of the dispatch
    slot: u32, // the row's place in the workgroup
    lane: u32, // of the row
}
