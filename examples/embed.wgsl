// A linear classifier, trained by gradient descent. `ROWS`, `CLASSES`, `FEATURES` and `RATE` are
// put in front of this file by embed.rs.

@group(0) @binding(0) var<storage, read_write> weights: array<f32>; // CLASSES rows of FEATURES
@group(0) @binding(1) var<storage, read_write> logits: array<f32>; // ROWS rows of CLASSES
@group(0) @binding(2) var<storage, read_write> targets: array<i32>;

fn hash(seed: u32) -> u32 { // PCG
    let state = seed * 747796405u + 2891336453u;
    let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return (word >> 22u) ^ word;
}

/// Uniform in -1 to 1.
fn noise(seed: u32) -> f32 {
    return f32(hash(seed)) * exp2(-31.0) - 1.0;
}

fn class_of(row: u32) -> u32 {
    return hash(row) % CLASSES;
}

/// The input data: a pattern that depends on the row's class, and noise.
fn feature(row: u32, column: u32) -> f32 {
    let pattern = noise(hash(1000u + class_of(row)) + column);
    return pattern + noise(hash(row) ^ hash(column));
}

/// Before the loss: the logits and the target of each row, a lane per row.
@compute @workgroup_size(64)
fn predict(@builtin(global_invocation_id) id: vec3u) {
    let row = id.x;
    if row >= ROWS { return; }
    for (var k = 0u; k < CLASSES; k++) {
        var sum = 0.0;
        for (var column = 0u; column < FEATURES; column++) {
            sum += weights[k * FEATURES + column] * feature(row, column);
        }
        logits[row * CLASSES + k] = sum;
    }
    // Every 50th row is unlabelled: the loss ignores it, and its gradient is 0.
    targets[row] = select(i32(class_of(row)), -100, row % 50u == 0u);
}

/// After the loss, when `logits` holds the gradient: a lane per weight.
@compute @workgroup_size(64)
fn descend(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= CLASSES * FEATURES { return; }
    let k = id.x / FEATURES;
    let column = id.x % FEATURES;
    var sum = 0.0;
    for (var row = 0u; row < ROWS; row++) {
        sum += logits[row * CLASSES + k] * feature(row, column);
    }
    weights[id.x] -= RATE * sum;
}
