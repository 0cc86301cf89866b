// What the dispatches that reduce over the rows of a batch are told.
struct TotalsParameters {
    rows: u32,       // of this dispatch
    first_row: u32,  // of this dispatch in the batch
    first_tile: u32, // of this dispatch in the batch
    tiles: u32,      // of the batch
    total_classes: u32,
    targets_offset: u32,
    class_weights_offset: u32,
    row_weights_offset: u32,
    record_offset: u32,
    totals_offset: u32,
    ignore_index: i32,
    has_ignore_index: u32,
    batch_size: f32, // what a mean over all rows, or all logits, is divided by
    zero: u32, // 0, which no compiler knows
}

@group(0) @binding(0) var<uniform> parameters: TotalsParameters;

// Rows a workgroup reduces to one partial result.
const TILE: u32 = 64u * LANES;
