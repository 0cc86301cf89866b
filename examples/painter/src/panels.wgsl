// The picture: class map, loss and entropy of each pixel side by side, and the losses so far below,
// all read from where the compute passes left them. panels.rs puts WIDTH, HEIGHT, GUTTER,
// CURVE_HEIGHT, FRAMES, CLASSES and the words of a pixel's record in front of this file.

const CANVAS = vec2f(3 * WIDTH + 4 * GUTTER, HEIGHT + CURVE_HEIGHT + 3 * GUTTER);
const LOG_CLASSES = log(f32(CLASSES));
const MOST_LOSS = 1.25 * LOG_CLASSES; // the top of the curve
const BACKGROUND = vec3f(0.043, 0.051, 0.082);
const PALETTE = array<vec3f, 8>(
    vec3f(0.114, 0.125, 0.310), // night
    vec3f(0.439, 0.204, 0.475), // dusk
    vec3f(0.933, 0.420, 0.373), // glow
    vec3f(1.000, 0.925, 0.741), // sun, snow, sails
    vec3f(0.290, 0.267, 0.510), // far mountains
    vec3f(0.078, 0.098, 0.204), // near mountains
    vec3f(0.118, 0.376, 0.502), // sea
    vec3f(0.976, 0.741, 0.353), // glints
);

struct Progress {
    count: u32,
    losses: array<f32>,
}

struct View {
    /// Size of the texture or window, in its pixels.
    size: vec2f,
}

@group(0) @binding(0) var<storage, read> rows: array<u32>; // a record for each pixel
@group(0) @binding(1) var<storage, read> progress: Progress;
@group(0) @binding(2) var<uniform> view: View;

/// One triangle over everything.
@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    return vec4f(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn paint(@builtin(position) position: vec4f) -> @location(0) vec4f {
    // The picture in the middle, as large as it fits.
    let scale = min(view.size.x / CANVAS.x, view.size.y / CANVAS.y);
    let at = (position.xy - 0.5 * (view.size - scale * CANVAS)) / scale - vec2f(GUTTER);
    return vec4f(colour(at, scale), 1.0);
}

/// The colour at a point; the first panel's corner is the origin.
fn colour(at: vec2f, scale: f32) -> vec3f {
    let column = floor(at.x / f32(WIDTH + GUTTER));
    let inside = vec2f(at.x - column * f32(WIDTH + GUTTER), at.y);
    if all(inside >= vec2f()) && all(inside < vec2f(WIDTH, HEIGHT)) && column < 3.0 {
        let pixel = vec2u(inside);
        return panel(u32(column), (pixel.y * u32(WIDTH) + pixel.x) * RECORD_WORDS);
    }
    let strip = vec2f(CANVAS.x - f32(2 * GUTTER), f32(CURVE_HEIGHT));
    let below = (at - vec2f(0.0, f32(HEIGHT + GUTTER))) / strip;
    if all(below >= vec2f()) && all(below < vec2f(1.0)) {
        return curve(vec2f(below.x, 1.0 - below.y), scale);
    }
    return BACKGROUND;
}

/// A panel's colour of the pixel whose record starts at a word.
fn panel(column: u32, record: u32) -> vec3f {
    switch column {
        case 0u: {
            var palette = PALETTE;
            return palette[min(rows[record + WORD_ARGMAX], CLASSES - 1u)];
        }
        // A loss has no upper end: e^-loss is the probability that the right class was given.
        case 1u: { return magma(1.0 - exp(-0.7 * bitcast<f32>(rows[record + WORD_LOSS]))); }
        default: { return viridis(bitcast<f32>(rows[record + WORD_ENTROPY]) / LOG_CLASSES); }
    }
}

/// The losses so far; from 0 to 1 in both directions, up is more.
fn curve(at: vec2f, scale: f32) -> vec3f {
    let empty = mix(BACKGROUND, vec3f(1.0), 0.04);
    let frame = at.x * f32(FRAMES);
    let last = f32(progress.count) - 1.0;
    if frame > last { return empty; }
    let before = min(u32(frame), FRAMES);
    let after = min(before + 1u, min(u32(last), FRAMES));
    let loss = mix(progress.losses[before], progress.losses[after], fract(frame)) / MOST_LOSS;
    let pixel = 1.0 / (scale * f32(CURVE_HEIGHT)); // its height
    let line = 1.0 - smoothstep(0.5 * pixel, 1.5 * pixel, abs(at.y - loss));
    let area = smoothstep(-0.5 * pixel, 0.5 * pixel, loss - at.y);
    let glow = 0.75 * magma(0.15 + 0.7 * at.y / max(loss, 1e-6) * min(1.0, loss + 0.4));
    return mix(mix(empty, glow, area), PALETTE[3], line);
}

/// Polynomials through matplotlib's colour maps (CC0), to within 0.024.
fn magma(value: f32) -> vec3f {
    let t = clamp(value, 0.0, 1.0);
    return polynomial(t,
        vec3f(-0.0021, -0.0007, -0.0095), vec3f(0.2505, 0.6945, 2.4953),
        vec3f(8.3459, -3.5960, 0.3291), vec3f(-27.6670, 14.2539, -13.6466),
        vec3f(52.1707, -27.9446, 12.8811), vec3f(-50.7586, 29.0539, 4.2699),
        vec3f(18.6643, -11.4900, -5.5708));
}

fn viridis(value: f32) -> vec3f {
    let t = clamp(value, 0.0, 1.0);
    return polynomial(t,
        vec3f(0.2745, 0.0058, 0.3327), vec3f(0.1077, 1.3965, 1.3868),
        vec3f(-0.3272, 0.2148, 0.0920), vec3f(-4.5999, -5.7582, -19.2918),
        vec3f(6.2037, 14.1540, 56.6563), vec3f(4.7518, -13.7494, -65.3210),
        vec3f(-5.4321, 4.6416, 26.2721));
}

fn polynomial(t: f32, a: vec3f, b: vec3f, c: vec3f, d: vec3f, e: vec3f, f: vec3f, g: vec3f) -> vec3f {
    return a + t * (b + t * (c + t * (d + t * (e + t * (f + t * g)))));
}
