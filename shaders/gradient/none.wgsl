// No gradient: the logits are read alone, nothing is written but the row's results. Each file of gradient/
// that says where it goes declares the logits, and gradient_start where there is one.
@group(0) @binding(1) var<storage, read> logits: array<logits_Stored>;

fn gradient_shift(row: u32) -> u32 {
    return 0u;
}

fn gradient_from_block(place: Place, row: Row, summary: Summary, maximum: f32, block: ptr<function, Block>) {}

fn gradient_from_logits(place: Place, row: Row, summary: Summary) {}

fn gradient_constant(place: Place, row: Row, summary: Summary) {}

fn tile_empty(lane: u32, first: u32, count: u32) {}
