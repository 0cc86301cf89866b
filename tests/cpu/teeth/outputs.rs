//! Mistakes in single results.

use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{CrossEntropyOutput, OwnedValues};

/// A result of cross-entropy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    Loss,
    ZLoss,
    Denominator,
    Counted,
    Correct,
    LossRows,
    LogSumExp,
    TargetLogProbability,
    Entropy,
    Argmax,
    TargetRank,
    ZLossRows,
    Gradient,
}

impl Output {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Loss,
        Self::ZLoss,
        Self::Denominator,
        Self::Counted,
        Self::Correct,
        Self::LossRows,
        Self::LogSumExp,
        Self::TargetLogProbability,
        Self::Entropy,
        Self::Argmax,
        Self::TargetRank,
        Self::ZLossRows,
        Self::Gradient,
    ];

    /// Those that are there only where asked for.
    pub const OPTIONAL: [Self; 9] = [
        Self::Correct,
        Self::LossRows,
        Self::LogSumExp,
        Self::TargetLogProbability,
        Self::Entropy,
        Self::Argmax,
        Self::TargetRank,
        Self::ZLossRows,
        Self::Gradient,
    ];

    fn rows(self, out: &mut CrossEntropyOutput) -> Option<&mut Option<Vec<f32>>> {
        match self {
            Self::LossRows => Some(&mut out.loss_rows),
            Self::LogSumExp => Some(&mut out.log_sum_exp),
            Self::TargetLogProbability => Some(&mut out.target_log_probability),
            Self::Entropy => Some(&mut out.entropy),
            Self::ZLossRows => Some(&mut out.z_loss_rows),
            _ => None,
        }
    }

    /// Five parts in a million, one too many, or two units in the last place.
    pub fn spoil(self, out: &mut CrossEntropyOutput) {
        match self {
            Self::Loss => out.loss = inexact(out.loss),
            // Twice as much: the square of a log-sum-exp has twice its error, relatively.
            Self::ZLoss => out.z_loss = inexact(inexact(out.z_loss)),
            Self::ZLossRows => {
                out.z_loss_rows.iter_mut().flatten().for_each(|x| *x = inexact(inexact(*x)));
            }
            Self::Denominator => out.denominator = inexact(out.denominator),
            Self::Counted => out.counted += 1,
            Self::Correct => out.correct.iter_mut().for_each(|correct| *correct += 1),
            Self::Argmax => out.argmax.iter_mut().flatten().for_each(|class| *class += 1),
            Self::TargetRank => out.target_rank.iter_mut().flatten().for_each(|rank| *rank += 1),
            Self::Gradient => out.gradient.iter_mut().for_each(spoil_values),
            _ => self.rows(out).into_iter().flatten().flatten().for_each(|x| *x = inexact(*x)),
        }
    }

    /// Leaves it out.
    pub fn remove(self, out: &mut CrossEntropyOutput) {
        match self {
            Self::Correct => out.correct = None,
            Self::Argmax => out.argmax = None,
            Self::TargetRank => out.target_rank = None,
            Self::Gradient => out.gradient = None,
            _ => self.rows(out).into_iter().for_each(|rows| *rows = None),
        }
    }

    /// Returns it whether asked for or not.
    pub fn add(self, out: &mut CrossEntropyOutput, rows: usize) {
        match self {
            Self::Correct => drop(out.correct.get_or_insert(0)),
            Self::Argmax => drop(out.argmax.get_or_insert_with(|| vec![0; rows])),
            Self::TargetRank => drop(out.target_rank.get_or_insert_with(|| vec![0; rows])),
            Self::Gradient => {
                out.gradient.get_or_insert_with(|| OwnedValues::F32(Vec::new()));
            }
            _ => self.rows(out).into_iter().for_each(|it| {
                it.get_or_insert_with(|| vec![0.0; rows]);
            }),
        }
    }
}

pub fn inexact(x: f32) -> f32 {
    x * 1.000_005
}

/// Five parts in a million, or three units in the last place of half precision.
pub fn spoil_values(values: &mut OwnedValues) {
    match values {
        OwnedValues::F32(values) => values.iter_mut().for_each(|x| *x = inexact(*x)),
        OwnedValues::F16(values) => {
            let off = |x: &mut f16| *x = f16::from_bits(x.to_bits() + 3);
            values.iter_mut().filter(|x| x.is_normal()).for_each(off);
        }
        OwnedValues::Bf16(values) => {
            let off = |x: &mut bf16| *x = bf16::from_bits(x.to_bits() + 3);
            values.iter_mut().filter(|x| x.is_normal()).for_each(off);
        }
    }
}

/// Changes values of any type as `f32`.
pub fn map_values(values: &mut OwnedValues, change: impl FnMut(f32) -> f32) {
    let element = values.element();
    let single = std::mem::replace(values, OwnedValues::F32(Vec::new())).into_f32();
    *values = OwnedValues::from_f32(single.into_iter().map(change).collect(), element);
}
