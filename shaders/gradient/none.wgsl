// No gradient: the logits are read alone, nothing is written but the row's results. This file, in_place and
// separate declare the logits; what calls a gradient is here or in gradient/write.wgsl.
@group(0) @binding(1) var<storage, read> logits: array<logits_Stored>;

fn gradient_shift(row: u32) -> u32 {
    return 0u;
}

fn gradient_from_block(place: Place, row: Row, summary: Summary, maximum: f32, block: ptr<function, Block>) {}

fn gradient_from_logits(place: Place, row: Row, summary: Summary) {}

fn gradient_constant(place: Place, row: Row, summary: Summary) {}

fn tile_empty(lane: u32, first: u32, count: u32) {}
