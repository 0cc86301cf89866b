// The gradient takes the logits' place.
@group(0) @binding(1) var<storage, read_write> logits: array<logits_Stored>;

fn gradient_start(row: u32) -> u32 {
    return logits_start(row);
}
