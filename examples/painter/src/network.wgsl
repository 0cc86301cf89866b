// A network of two layers on the features of a pixel, forward and backward, and a step of Adam.
// network.rs puts PIXELS, FEATURES, HIDDEN, CLASSES (multiples of 4), PART, RATE and FRAMES in front
// of this file.
//
// Everything comes in fours, and what a lane adds up are products of 4 by 4 matrices. The first
// feature and the first hidden unit are always 1: their weights are the biases. No sum depends on
// the order in which lanes run, so two runs have the same bits.

const PIXEL_QUADS = PIXELS / 4u;
const FEATURE_QUADS = FEATURES / 4u;
const HIDDEN_QUADS = HIDDEN / 4u;
const FIRST_LAYER = HIDDEN * FEATURE_QUADS; // quads of weights before the second layer's
const WEIGHT_QUADS = FIRST_LAYER + CLASSES * HIDDEN_QUADS;
const PARTS = (PIXEL_QUADS + PART - 1u) / PART;
const FIRST_BLOCKS = FEATURE_QUADS * HIDDEN_QUADS;
const SECOND_BLOCKS = CLASSES / 4u * HIDDEN_QUADS;

struct Progress {
    /// Forward passes so far.
    count: u32,
    /// The loss of each.
    losses: array<f32>,
}

struct Moments {
    mean: vec4f,
    square: vec4f,
}

@group(0) @binding(0) var<storage, read_write> features: array<vec4f>; // PIXELS rows of FEATURES
@group(0) @binding(1) var<storage, read_write> weights: array<vec4f>; // HIDDEN rows of FEATURES, CLASSES rows of HIDDEN
@group(0) @binding(2) var<storage, read_write> hidden: array<vec4f>; // PIXELS rows of HIDDEN
@group(0) @binding(3) var<storage, read_write> logits: array<vec4f>; // CLASSES planes of PIXELS
@group(0) @binding(4) var<storage, read_write> gradient: array<vec4f>; // as logits
@group(0) @binding(5) var<storage, read_write> hidden_gradient: array<vec4f>; // as hidden
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>; // PARTS rows of the weights' gradients
@group(0) @binding(7) var<storage, read_write> moments: array<Moments>; // one for 4 weights
@group(0) @binding(8) var<storage, read_write> totals: array<f32>; // the loss first
@group(0) @binding(9) var<storage, read_write> progress: Progress;

/// Four features of four pixels, a column per pixel.
fn features_at(pixels: u32, i: u32) -> mat4x4f {
    let at = pixels * FEATURES + i; // 4 rows of FEATURE_QUADS before each four pixels
    return mat4x4f(features[at], features[at + FEATURE_QUADS],
        features[at + 2u * FEATURE_QUADS], features[at + 3u * FEATURE_QUADS]);
}

/// Four hidden units of four pixels, a column per pixel.
fn hidden_at(pixels: u32, i: u32) -> mat4x4f {
    let at = pixels * HIDDEN + i;
    return mat4x4f(hidden[at], hidden[at + HIDDEN_QUADS],
        hidden[at + 2u * HIDDEN_QUADS], hidden[at + 3u * HIDDEN_QUADS]);
}

/// Their gradients.
fn hidden_gradient_at(pixels: u32, i: u32) -> mat4x4f {
    let at = pixels * HIDDEN + i;
    return mat4x4f(hidden_gradient[at], hidden_gradient[at + HIDDEN_QUADS],
        hidden_gradient[at + 2u * HIDDEN_QUADS], hidden_gradient[at + 3u * HIDDEN_QUADS]);
}

/// Four classes' gradients of four pixels, a column per class.
fn gradient_at(classes: u32, pixels: u32) -> mat4x4f {
    let at = classes * PIXELS + pixels;
    return mat4x4f(gradient[at], gradient[at + PIXEL_QUADS],
        gradient[at + 2u * PIXEL_QUADS], gradient[at + 3u * PIXEL_QUADS]);
}

/// Four weights in each of four rows, a column per row.
fn weights_at(first: u32, stride: u32) -> mat4x4f {
    return mat4x4f(weights[first], weights[first + stride],
        weights[first + 2u * stride], weights[first + 3u * stride]);
}

/// Four hidden units of four pixels a lane.
@compute @workgroup_size(64)
fn hidden_layer(@builtin(global_invocation_id) id: vec3u) {
    let pixels = id.x;
    let units = id.y;
    if pixels >= PIXEL_QUADS { return; }
    var sum: mat4x4f; // a column per pixel
    for (var i = 0u; i < FEATURE_QUADS; i++) {
        let rows = weights_at(units * FEATURES + i, FEATURE_QUADS);
        sum += transpose(rows) * features_at(pixels, i);
    }
    for (var j = 0u; j < 4u; j++) {
        var values = max(sum[j], vec4f());
        if units == 0u { values.x = 1.0; }
        hidden[pixels * HIDDEN + j * HIDDEN_QUADS + units] = values;
    }
}

/// The logits of four classes of four pixels a lane.
@compute @workgroup_size(64)
fn output_layer(@builtin(global_invocation_id) id: vec3u) {
    let pixels = id.x;
    let classes = id.y;
    if pixels >= PIXEL_QUADS { return; }
    var sum: mat4x4f; // a column per class
    for (var i = 0u; i < HIDDEN_QUADS; i++) {
        let rows = weights_at(FIRST_LAYER + classes * HIDDEN + i, HIDDEN_QUADS);
        sum += transpose(hidden_at(pixels, i)) * rows;
    }
    for (var c = 0u; c < 4u; c++) {
        logits[(classes * 4u + c) * PIXEL_QUADS + pixels] = sum[c];
    }
}

/// After the loss, which wrote `gradient`: that of four hidden units of four pixels a lane.
@compute @workgroup_size(64)
fn hidden_backward(@builtin(global_invocation_id) id: vec3u) {
    let pixels = id.x;
    let units = id.y;
    if pixels >= PIXEL_QUADS { return; }
    var sum: mat4x4f; // a column per pixel
    for (var classes = 0u; classes < CLASSES / 4u; classes++) {
        let rows = weights_at(FIRST_LAYER + classes * HIDDEN + units, HIDDEN_QUADS);
        sum += rows * transpose(gradient_at(classes, pixels));
    }
    for (var j = 0u; j < 4u; j++) {
        let at = pixels * HIDDEN + j * HIDDEN_QUADS + units;
        var value = select(vec4f(), sum[j], hidden[at] > vec4f());
        if units == 0u { value.x = 0.0; } // the unit that is always 1
        hidden_gradient[at] = value;
    }
}

/// A part of the pixels' gradient of the first layer: 4 by 4 weights a lane.
@compute @workgroup_size(64)
fn first_layer_part(@builtin(global_invocation_id) id: vec3u) {
    let part = id.x / FIRST_BLOCKS;
    if part >= PARTS { return; }
    let units = id.x % FIRST_BLOCKS / FEATURE_QUADS;
    let i = id.x % FEATURE_QUADS;
    var sum: mat4x4f; // a column per unit
    for (var pixels = part * PART; pixels < min(PIXEL_QUADS, (part + 1u) * PART); pixels++) {
        sum += features_at(pixels, i) * transpose(hidden_gradient_at(pixels, units));
    }
    for (var k = 0u; k < 4u; k++) {
        partial[part * WEIGHT_QUADS + (units * 4u + k) * FEATURE_QUADS + i] = sum[k];
    }
}

/// A part of the pixels' gradient of the second layer: 4 by 4 weights a lane.
@compute @workgroup_size(64)
fn second_layer_part(@builtin(global_invocation_id) id: vec3u) {
    let part = id.x / SECOND_BLOCKS;
    if part >= PARTS { return; }
    let classes = id.x % SECOND_BLOCKS / HIDDEN_QUADS;
    let i = id.x % HIDDEN_QUADS;
    var sum: mat4x4f; // a column per class
    for (var pixels = part * PART; pixels < min(PIXEL_QUADS, (part + 1u) * PART); pixels++) {
        sum += hidden_at(pixels, i) * gradient_at(classes, pixels);
    }
    for (var c = 0u; c < 4u; c++) {
        partial[part * WEIGHT_QUADS + FIRST_LAYER + (classes * 4u + c) * HIDDEN_QUADS + i] = sum[c];
    }
}

/// Keeps the loss where the picture finds it, one lane.
@compute @workgroup_size(1)
fn advance() {
    if progress.count <= FRAMES { progress.losses[progress.count] = totals[0]; }
    progress.count++;
}

/// A step of Adam, a lane per 4 weights; the parts are summed in their order.
@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= WEIGHT_QUADS { return; }
    var sum = vec4f();
    for (var part = 0u; part < PARTS; part++) {
        sum += partial[part * WEIGHT_QUADS + id.x];
    }
    let old = moments[id.x];
    let next = Moments(mix(sum, old.mean, 0.9), mix(sum * sum, old.square, 0.99));
    moments[id.x] = next;
    let count = f32(progress.count);
    let mean = next.mean / (1.0 - pow(0.9, count));
    let square = next.square / (1.0 - pow(0.99, count));
    // The rate falls to a tenth, so that the last frames are calm.
    let rate = RATE * mix(1.0, 0.1, min(count / f32(FRAMES), 1.0));
    weights[id.x] -= rate * mean / (sqrt(square) + 1e-8);
}
