//! Softmax cross-entropy over a part of the classes: for a vocabulary that is split over devices or
//! processes, or a producer of logits that already has partial log-sum-exps.
//!
//! 1. Each part gives a [`PartialState`] per row ([`Engine::partial_states`](crate::Engine::partial_states)).
//! 2. The parts' states are merged ([`PartialState::merge`], or [`merge`] for whole batches): 32
//!    bytes a row are all that travels.
//! 3. The merged states give every result but the gradient
//!    ([`Engine::cross_entropy_of_states`](crate::Engine::cross_entropy_of_states)),
//! 4. and each part its slice of the gradient
//!    ([`Engine::partial_gradient`](crate::Engine::partial_gradient)).
//!
//! Each of them takes any number of rows, on the GPU piece by piece as
//! [`Streaming`](crate::Streaming) says.

use bytemuck::{Pod, Zeroable};

use crate::error::{Error, Result};
use crate::memory::collected;

/// The classes that a part of the logits holds: columns `0..` are classes `first..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClassRange {
    /// The class of column 0.
    pub first: usize,
    /// Number of classes of all parts together.
    pub total: usize,
}

/// What softmax cross-entropy has to know of a row, or of a part of its classes: 32 bytes, laid out
/// alike on host and device.
///
/// With `u_c` the coefficient of class `c` in the loss (1 for the target class and 0 for the others
/// where there are no weights, no label smoothing and no probabilities), the loss of a whole row is
/// `distance + weight * log1p(rest)`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct PartialState {
    /// `m`, the largest finite logit, after scale and softcap; `f32::MIN` where there is none. Any
    /// number where `rest` says that there is a `+inf` or a NaN.
    pub maximum: f32,
    /// `r = sum exp(x_c - m)` over all classes but one that has the maximum. Below 0 where that
    /// makes no sense: -1 nothing above `-inf`, -2 a `+inf`, -4 a NaN.
    pub rest: f32,
    /// `sum_c u_c (m - x_c)` over the classes whose logit is finite. Any number where a flag says
    /// that a term is infinite, or undefined.
    pub distance: f32,
    /// `sum_c u_c`.
    pub weight: f32,
    /// `sum_c exp(x_c - m) (m - x_c)`, from which the entropy follows; 0 where it is not asked for.
    pub spread: f32,
    /// The most likely class, counted over all parts; 0 where it is not asked for.
    pub argmax: u32,
    /// The target's logit, where [`HOLDS_TARGET`](Self::HOLDS_TARGET).
    pub target_logit: f32,
    /// [`POSITIVE`](Self::POSITIVE), [`NEGATIVE`](Self::NEGATIVE), [`UNDEFINED`](Self::UNDEFINED),
    /// [`CONTRIBUTES`](Self::CONTRIBUTES), [`HOLDS_TARGET`](Self::HOLDS_TARGET).
    pub flags: u32,
}

impl PartialState {
    /// Of no classes.
    pub const EMPTY: Self = Self {
        maximum: f32::MIN,
        rest: -1.0,
        distance: 0.0,
        weight: 0.0,
        spread: 0.0,
        argmax: u32::MAX,
        target_logit: 0.0,
        flags: 0,
    };

    /// A term of the loss is `+inf`: a logit of `-inf` with a coefficient above 0.
    pub const POSITIVE: u32 = 1;
    /// A term of the loss is `-inf`.
    pub const NEGATIVE: u32 = 2;
    /// A term of the loss is NaN: a logit of `-inf` with a coefficient of 0, in strict mode.
    pub const UNDEFINED: u32 = 4;
    /// A coefficient is not 0.
    pub const CONTRIBUTES: u32 = 8;
    /// The target class is among the classes.
    pub const HOLDS_TARGET: u32 = 16;

    /// Of classes of which only `log sum_c exp(x_c)` is known, without a target among them.
    pub fn from_log_sum_exp(log_sum_exp: f32) -> Self {
        let rest = if log_sum_exp.is_nan() {
            -4.0
        } else if log_sum_exp == f32::INFINITY {
            -2.0
        } else if log_sum_exp == f32::NEG_INFINITY {
            -1.0
        } else {
            0.0
        };
        let maximum = if rest < 0.0 { f32::MIN } else { log_sum_exp };
        Self { maximum, rest, ..Self::EMPTY }
    }

    /// The same, with the target class of this logit among the classes, which counts `weight`
    /// times: 1, or its class weight. To be called once a row, without label smoothing.
    #[must_use]
    pub fn with_target(self, logit: f32, weight: f32) -> Self {
        let contributes = if weight == 0.0 { 0 } else { Self::CONTRIBUTES };
        let (distance, infinite) = if logit == f32::NEG_INFINITY {
            (0.0, infinite_term(weight))
        } else {
            (weight * (self.maximum - logit), 0)
        };
        Self {
            distance,
            weight,
            target_logit: logit,
            flags: self.flags | contributes | infinite | Self::HOLDS_TARGET,
            ..self
        }
    }

    /// Of the classes of both. `self` holds the lower classes where both have the same maximum.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let special = self.rest.min(other.rest);
        let special = (special < -1.5).then_some(special);
        let maximum = self.maximum.max(other.maximum);
        let (high, low) = if self.maximum >= other.maximum { (self, other) } else { (other, self) };
        let factor = (f64::from(low.maximum) - f64::from(maximum)).exp();
        let merged = f64::from(high.rest) + (1.0 + f64::from(low.rest)) * factor;
        let moved = |state: &Self| {
            let by = f64::from(maximum) - f64::from(state.maximum);
            let distance = match state.weight == 0.0 {
                true => f64::from(state.distance), // nothing moves, however far
                false => f64::from(state.distance) + f64::from(state.weight) * by,
            };
            let spread = match state.rest < -0.5 || by > 1000.0 {
                true => 0.0,
                false => {
                    (f64::from(state.spread) + (1.0 + f64::from(state.rest)) * by) * (-by).exp()
                }
            };
            (distance, spread)
        };
        let (a, b) = (moved(&self), moved(&other));
        Self {
            maximum,
            rest: special.unwrap_or(merged as f32),
            distance: (a.0 + b.0) as f32,
            weight: self.weight + other.weight,
            spread: (a.1 + b.1) as f32,
            argmax: if self.leads(&other) { self.argmax } else { other.argmax },
            target_logit: if self.flags & Self::HOLDS_TARGET != 0 {
                self.target_logit
            } else {
                other.target_logit
            },
            flags: self.flags | other.flags,
        }
    }

    /// Whether the most likely class of both is this one's: NaN before `+inf` before the greater
    /// maximum, and the lower class where they are alike.
    fn leads(&self, other: &Self) -> bool {
        let rank = |state: &Self| match state.rest {
            r if r < -3.0 => 3,
            r if r < -1.5 => 2,
            r if r < -0.5 => 0,
            _ => 1,
        };
        let (own, others) = (rank(self), rank(other));
        let alike = own == others && (own != 1 || self.maximum == other.maximum);
        if alike {
            self.argmax <= other.argmax
        } else {
            own > others || (own == others && self.maximum > other.maximum)
        }
    }
}

/// What a coefficient times `+inf` is, as a flag.
fn infinite_term(weight: f32) -> u32 {
    match weight {
        w if w > 0.0 => PartialState::POSITIVE,
        w if w < 0.0 => PartialState::NEGATIVE,
        _ => PartialState::UNDEFINED,
    }
}

/// Merges the states of parts, given by ascending classes: one state for each row.
///
/// # Errors
/// [`Error::Invalid`] without parts, or where they differ in their number of rows.
pub fn merge(parts: &[&[PartialState]]) -> Result<Vec<PartialState>> {
    const OPERATION: &str = "merging partial states";
    let Some((first, others)) = parts.split_first() else {
        return Err(Error::invalid(OPERATION, "number of parts", "at least 1", 0));
    };
    for part in others {
        if part.len() != first.len() {
            let expected = format!("{} of every part", first.len());
            return Err(Error::invalid(OPERATION, "number of rows", expected, part.len()));
        }
    }
    let merge_row = |row: usize| {
        let states = others.iter().filter_map(|part| part.get(row));
        states.fold(first[row], |merged, state| merged.merge(*state))
    };
    collected(OPERATION, (0..first.len()).map(merge_row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_log_sum_exps_gives_theirs() {
        let merged = PartialState::from_log_sum_exp(1.0)
            .with_target(0.5, 1.0)
            .merge(PartialState::from_log_sum_exp(3.0));
        let lse = merged.maximum + merged.rest.ln_1p();
        assert!((lse - (1f32.exp() + 3f32.exp()).ln()).abs() < 1e-6);
        let loss = merged.distance + merged.weight * merged.rest.ln_1p();
        assert!((loss - (lse - 0.5)).abs() < 1e-6);
    }

    #[test]
    fn an_empty_part_changes_nothing() {
        let state = PartialState { argmax: 3, ..PartialState::from_log_sum_exp(2.0) };
        let state = state.with_target(1.0, 2.0);
        assert_eq!(state.merge(PartialState::EMPTY), state);
        assert_eq!(PartialState::EMPTY.merge(state), state);
    }

    #[test]
    fn special_values_win_over_ordinary_ones() {
        let of = PartialState::from_log_sum_exp;
        assert_eq!(of(f32::NAN).merge(of(f32::INFINITY)).rest, -4.0);
        assert_eq!(of(1.0).merge(of(f32::INFINITY)).rest, -2.0);
        assert_eq!(of(f32::NEG_INFINITY).merge(of(f32::NEG_INFINITY)).rest, -1.0);
    }

    #[test]
    fn parts_of_different_batches_are_refused() {
        assert!(merge(&[]).is_err());
        assert!(merge(&[&[PartialState::EMPTY], &[]]).is_err());
    }
}
