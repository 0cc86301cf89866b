//! Weighted reductions.

mod accuracy;
mod agreement;
#[cfg(feature = "rayon")]
mod bits;
mod corners;
mod gradients;
mod refusals;
mod segments;
mod ways;

use wgpu_loss::{Logits, Shape, Weights};

/// How values are weighted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weighting {
    None,
    PerRow,
    PerColumn,
    PerElement,
}

fn every_weighting() -> [Weighting; 4] {
    [Weighting::None, Weighting::PerRow, Weighting::PerColumn, Weighting::PerElement]
}

impl Weighting {
    fn is_weighted(self) -> bool {
        self != Self::None
    }

    /// How many weights there are.
    fn count(self, shape: Shape) -> usize {
        match self {
            Self::None => 0,
            Self::PerRow => shape.rows,
            Self::PerColumn => shape.classes,
            Self::PerElement => shape.rows * shape.classes,
        }
    }

    /// So many weights, in a shape without gaps.
    fn view(self, weights: &[f32], shape: Shape) -> Weights<'_> {
        match self {
            Self::None => Weights::None,
            Self::PerRow => Weights::PerRow(weights),
            Self::PerColumn => Weights::PerColumn(weights),
            Self::PerElement => {
                Weights::PerElement(Logits::from_values(weights.into(), shape).expect("its shape"))
            }
        }
    }
}

/// Multiples of 1/64 in -2 to 2, none of them 0.
fn grid(count: usize, seed: u64) -> Vec<f32> {
    let mut noise = crate::Noise(seed);
    (0..count).map(|_| (noise.below(256) as f32 - 127.5).trunc() / 64.0 + 1.0 / 128.0).collect()
}

/// As far as single precision goes, or the same special value.
fn close(found: f32, expected: f32) -> bool {
    let same = found == expected || (found.is_nan() && expected.is_nan());
    same || (found - expected).abs() <= 1e-6 * expected.abs()
}
