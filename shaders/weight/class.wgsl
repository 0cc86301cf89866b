// A weight for each class.
@group(0) @binding(10) var<storage, read> class_weights: array<f32>;

fn class_weight(index: u32) -> f32 {
    return class_weights[parameters.class_weights_offset + index];
}
