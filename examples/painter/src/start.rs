//! Where the training starts: the pixels' features and the first weights, the same in every run.

use std::f32::consts::TAU;

use crate::network::{FEATURES, HIDDEN};
use crate::target::CLASSES;

/// Spread of the waves' frequencies, in waves per height of the picture.
const FREQUENCY: f32 = 2.6;

/// Random numbers (PCG).
struct Random(u32);

impl Random {
    /// Uniform between 0 and 1, neither included.
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        let word = ((self.0 >> ((self.0 >> 28) + 4)) ^ self.0).wrapping_mul(277_803_737);
        (((word >> 22) ^ word) >> 9) as f32 * 2f32.powi(-23) + 2f32.powi(-24)
    }

    /// Normally distributed with a spread of 1 (Box and Muller).
    fn normal(&mut self) -> f32 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }
}

/// The features of each pixel: 1, its coordinates and their product, then waves of random
/// frequencies and directions (Tancik et al. 2020): without them the network would learn no detail.
pub fn features([width, height]: [u32; 2]) -> Vec<f32> {
    let mut random = Random(7);
    let waves: Vec<[f32; 3]> = (0..(FEATURES - 4) / 2)
        .map(|_| [FREQUENCY * random.normal(), FREQUENCY * random.normal(), random.uniform()])
        .collect();
    let scale = 1.0 / height as f32;
    let mut features = Vec::with_capacity(width as usize * height as usize * FEATURES);
    for pixel in 0..width * height {
        let x = ((pixel % width) as f32 + 0.5 - 0.5 * width as f32) * scale;
        let y = ((pixel / width) as f32 + 0.5 - 0.5 * height as f32) * scale;
        features.extend([1.0, 2.0 * x, 2.0 * y, 4.0 * x * y]);
        for [across, down, phase] in &waves {
            let (sine, cosine) = (TAU * (across * x + down * y + phase)).sin_cos();
            features.extend([sine, cosine]);
        }
    }
    features
}

/// The first weights: those of each hidden unit, then those of each class.
pub fn weights() -> Vec<f32> {
    let mut random = Random(11);
    let first = (2.0 / FEATURES as f32).sqrt();
    let second = (1.0 / HIDDEN as f32).sqrt();
    let of_hidden = std::iter::repeat_n(first, HIDDEN * FEATURES);
    let of_classes = std::iter::repeat_n(second, CLASSES * HIDDEN);
    of_hidden.chain(of_classes).map(|spread| spread * random.normal()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_normal() {
        let mut random = Random(1);
        let values: Vec<f32> = (0..20_000).map(|_| random.normal()).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let square = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.04, "{mean} {square}");
    }

    #[test]
    fn every_pixel_has_its_bias_and_waves() {
        let features = features([5, 3]);
        assert_eq!(features.len(), 5 * 3 * FEATURES);
        for of_pixel in features.chunks(FEATURES) {
            assert_eq!(of_pixel[0], 1.0);
            for wave in of_pixel[4..].chunks(2) {
                assert!((wave[0].hypot(wave[1]) - 1.0).abs() < 1e-5);
            }
        }
    }
}
