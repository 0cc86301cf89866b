//! What the network learns to paint: a sunset over the sea, as a class for each pixel.

/// Number of classes.
pub const CLASSES: usize = 8;

const NIGHT: i32 = 0;
const DUSK: i32 = 1;
const GLOW: i32 = 2;
const CREAM: i32 = 3; // the sun, snow, a sail
const FAR: i32 = 4;
const NEAR: i32 = 5;
const SEA: i32 = 6;
const GLINT: i32 = 7;

/// Where the sea begins, from 0 at the top of the picture to 1 at its bottom.
const HORIZON: f32 = 0.66;
const SUN: (f32, f32) = (0.06, 0.41);

/// The class of each pixel, row by row from the top.
pub fn labels([width, height]: [u32; 2]) -> Vec<i32> {
    let scale = 1.0 / height as f32;
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    pixels
        .map(|(x, y)| {
            let across = (x as f32 + 0.5 - 0.5 * width as f32) * scale;
            class(across, (y as f32 + 0.5) * scale)
        })
        .collect()
}

/// The class at a point; `x` is 0 in the middle, and both are in heights of the picture.
fn class(x: f32, y: f32) -> i32 {
    if let Some(class) = boat(x, y) {
        return class;
    }
    if y >= HORIZON {
        return if glints(x, y) { GLINT } else { SEA };
    }
    let near = ridge(x, &[(-0.62, 0.24, 1.0), (-0.36, 0.45, 0.75), (0.68, 0.30, 0.85)]);
    if y > near {
        // Snow ends in a zigzag below the summits.
        let zigzag = 0.025 * ((x * 24.0).fract().abs() - 0.5).abs();
        return if y < 0.345 + 2.0 * zigzag { CREAM } else { NEAR };
    }
    let far = [(-0.19, 0.49, 0.6), (0.05, 0.57, 0.45), (0.31, 0.46, 0.65)];
    if y > ridge(x, &far) {
        return FAR;
    }
    match (x - SUN.0).hypot(y - SUN.1) {
        distance if distance < 0.17 => CREAM,
        distance if distance < 0.31 => GLOW,
        distance if distance < 0.52 => DUSK,
        _ => NIGHT,
    }
}

/// The height of a range of mountains, each a summit at `(x, y)` with a slope.
fn ridge(x: f32, summits: &[(f32, f32, f32)]) -> f32 {
    summits
        .iter()
        .fold(f32::INFINITY, |height, (at, top, slope)| height.min(top + slope * (x - at).abs()))
}

/// The sun on the water: lenses that grow towards the viewer.
fn glints(x: f32, y: f32) -> bool {
    let lenses = [
        (0.695, 0.15, 0.012),
        (0.75, 0.105, 0.013),
        (0.81, 0.17, 0.016),
        (0.885, 0.12, 0.018),
        (0.955, 0.2, 0.018),
    ];
    lenses.iter().any(|(row, width, thickness)| {
        let along = (x - SUN.0) / width;
        (y - row).abs() < thickness * (1.0 - along * along)
    })
}

/// A boat with two sails.
fn boat(x: f32, y: f32) -> Option<i32> {
    let (x, y) = (x - 0.44, y - 0.80);
    let height = 0.21;
    let up = -y / height; // 0 at the deck, 1 at the top of the mast
    if (0.0..1.0).contains(&up) {
        let behind = x > 0.006 && x < 0.105 * (1.0 - up);
        let before = x < -0.006 && x > -0.075 * (0.8 - up);
        return (behind || before).then_some(CREAM);
    }
    let hull = 0.012..0.045;
    (hull.contains(&y) && x.abs() < 0.115 - 1.1 * (y - 0.012)).then_some(NEAR)
}
