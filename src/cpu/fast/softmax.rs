//! One row of logits: its maximum and the sum of its exponentials.
//!
//! Rows longer than [`PART`] are read in parts, on several threads; the order in which parts are
//! merged is fixed by the row's length alone.

use super::ln_1p::ln_1p;
use super::maximum::{self, position};
use super::row_kernel::{self, RowState};
use super::threads::join;

/// Elements read together: with their exponentials they fit into a core's own cache.
pub(super) const PART: usize = 1 << 14;

/// Elements below which a row is not worth splitting over threads.
const GRAIN: usize = 4 * PART;

/// What everything about a row's softmax is computed from.
#[derive(Clone, Copy)]
pub(super) struct Softmax {
    /// The largest logit; NaN where the row holds one; `-inf` without classes.
    pub(super) maximum: f32,
    /// At or below its lowest index, by less than a block.
    near: usize,
    /// `r = sum_{j != argmax} exp(x_j - maximum)`, at the scale where there is one; NaN where the
    /// softmax is undefined.
    pub(super) rest: f32,
}

impl Softmax {
    /// Of no row.
    pub(super) const EMPTY: Self = Self { maximum: f32::NEG_INFINITY, near: 0, rest: f32::NAN };

    /// One read of the row from memory.
    pub(super) fn of(row: &[f32]) -> Self {
        Self::new(row, state_of_parts(row, 1.0))
    }

    /// The same; leaves `exp(x_j - maximum)` in `exps`, or anything where the softmax is undefined.
    pub(super) fn with_exps(row: &[f32], exps: &mut [f32]) -> Self {
        Self::scaled_with_exps(row, 1.0, exps)
    }

    /// The same of `scale x`, with the maximum of `x`: leaves `exp(scale (x_j - maximum))`.
    pub(super) fn scaled_with_exps(row: &[f32], scale: f32, exps: &mut [f32]) -> Self {
        if row.len() <= PART {
            return Self::scaled(row, scale, row_kernel::with_exps(row, scale, exps));
        }
        let softmax = Self::scaled(row, scale, state_of_parts(row, scale));
        scaled_exps_below(row, softmax.maximum, scale, exps);
        softmax
    }

    /// Leaves the exponentials where there is room for them, up to [`PART`] classes.
    pub(super) fn leaving_exps(row: &[f32], room: &mut [f32]) -> Self {
        if row.len() <= PART && room.len() == row.len() {
            Self::with_exps(row, room)
        } else {
            Self::of(row)
        }
    }

    /// From what was found out about the row.
    #[inline(always)]
    pub(super) fn new(row: &[f32], state: RowState) -> Self {
        Self::scaled(row, 1.0, state)
    }

    #[inline(always)]
    fn scaled(row: &[f32], scale: f32, state: RowState) -> Self {
        let RowState { maximum, near, rest } = state;
        if rest.is_nan() || maximum.is_infinite() {
            Self::undefined(row)
        } else if is_distant(rest, row.len()) {
            Self { maximum, near, rest: sum_distant_exps(row, maximum, scale) as f32 }
        } else {
            Self { maximum, near, rest: rest as f32 }
        }
    }

    /// Of a row no longer than a block.
    #[inline(always)]
    pub(super) fn of_rest(maximum: f32, rest: f32) -> Self {
        Self { maximum, near: 0, rest }
    }

    /// A row of `-inf`, one with `+inf`, one with NaN, one without elements.
    #[cold]
    fn undefined(row: &[f32]) -> Self {
        let maximum = row.get(argmax(row)).copied().unwrap_or(f32::NEG_INFINITY);
        Self { maximum, ..Self::EMPTY }
    }

    /// Where the maximum stands: the lowest index on ties, the first NaN's where there is one.
    pub(super) fn argmax(&self, row: &[f32]) -> usize {
        match self.is_undefined() {
            true => argmax(row),
            false => self.near + position(&row[self.near..], self.maximum),
        }
    }

    /// `log sum_c exp(x_c)`; where the softmax is undefined, the maximum has it.
    #[inline(always)]
    pub(super) fn log_sum_exp(&self) -> f32 {
        if self.rest.is_nan() { self.maximum } else { self.maximum + self.log_of_sum() }
    }

    /// `log sum_c exp(x_c - maximum)`; anything where the softmax is undefined.
    #[inline(always)]
    pub(super) fn log_of_sum(&self) -> f32 {
        ln_1p(self.rest)
    }

    /// `-log p(x)`; NaN where the softmax is undefined.
    #[inline(always)]
    pub(super) fn negative_log_probability(&self, x: f32) -> f32 {
        if self.is_undefined() { f32::NAN } else { (self.maximum - x) + self.log_of_sum() }
    }

    /// Turns the exponentials into `factor * softmax(x)`; NaN where that is undefined.
    pub(super) fn scale_exps(&self, exps: &mut [f32], factor: f32) {
        let scale = factor / (1.0 + self.rest);
        if scale.is_nan() {
            exps.fill(f32::NAN); // the exponentials are anything
        } else {
            row_kernel::scale(exps, scale);
        }
    }

    /// Whether there is none: a row of `-inf`, one with `+inf`, one with NaN.
    #[inline(always)]
    pub(super) fn is_undefined(&self) -> bool {
        self.rest.is_nan()
    }

    /// `-sum_c p_c log p_c`, with `0 log 0 = 0`; NaN where the softmax is undefined.
    pub(super) fn entropy(&self, row: &[f32]) -> f32 {
        let rest = f64::from(self.rest);
        (rest.ln_1p() + self.spread(row) / (1.0 + rest)) as f32
    }

    /// `sum_c exp(x_c - maximum) (maximum - x_c)`, with `0 * inf = 0`; NaN where the softmax is
    /// undefined.
    pub(super) fn spread(&self, row: &[f32]) -> f64 {
        if self.is_undefined() {
            f64::NAN
        } else if is_distant(self.rest.into(), row.len()) {
            sum_distant_spread(row, self.maximum)
        } else {
            row_kernel::spread(row, self.maximum)
        }
    }
}

/// Less than e^-30 a class: mostly exponents below -30, where rounding x - maximum to single
/// precision alone costs up to 3.8e-6 of each exponential.
#[inline(always)]
pub(super) fn is_distant(rest: f64, classes: usize) -> bool {
    rest < 9.4e-14 * classes as f64
}

/// As `torch.argmax`: the first NaN, else the lowest index of the largest; 0 without classes.
pub(super) fn argmax(row: &[f32]) -> usize {
    row.iter().position(|x| x.is_nan()).unwrap_or_else(|| maximum::maximum(row).1)
}

/// Of any length: halves of whole parts, merged in this order whatever thread reads them.
fn state_of_parts(row: &[f32], scale: f32) -> RowState {
    if row.len() <= PART {
        return row_kernel::state(row, scale);
    }
    let middle = row.len().div_ceil(PART) / 2 * PART;
    let (first, second) = row.split_at(middle);
    let (left, right) = if row.len() <= GRAIN {
        (state_of_parts(first, scale), state_of_parts(second, scale))
    } else {
        join(|| state_of_parts(first, scale), || state_of_parts(second, scale))
    };
    left.merge(RowState { near: middle + right.near, ..right }, scale)
}

/// `exp(x_j - maximum)` of a row, for a maximum that is at least the row's own.
pub(super) fn exps_below(row: &[f32], maximum: f32, exps: &mut [f32]) {
    scaled_exps_below(row, maximum, 1.0, exps);
}

/// `exp(scale (x_j - maximum))`, likewise.
fn scaled_exps_below(row: &[f32], maximum: f32, scale: f32, exps: &mut [f32]) {
    if row.len() <= GRAIN {
        return row_kernel::exps_below(row, maximum, scale, exps);
    }
    let middle = row.len().div_ceil(PART) / 2 * PART;
    let ((first, second), (left, right)) = (row.split_at(middle), exps.split_at_mut(middle));
    join(
        || scaled_exps_below(first, maximum, scale, left),
        || scaled_exps_below(second, maximum, scale, right),
    );
}

/// The rest where the maximum leads so far that only double precision gets the others right.
#[cold]
fn sum_distant_exps(row: &[f32], maximum: f32, scale: f32) -> f64 {
    let excluded = position(row, maximum);
    let distance = |&x: &f32| (f64::from(x) - f64::from(maximum)) * f64::from(scale);
    let exps = |part: &[f32]| part.iter().map(distance).map(f64::exp).sum::<f64>();
    exps(&row[..excluded]) + exps(&row[excluded + 1..])
}

/// [`Softmax::spread`] where only double precision gets it right.
#[cold]
fn sum_distant_spread(row: &[f32], maximum: f32) -> f64 {
    let distances = row.iter().map(|&x| f64::from(maximum) - f64::from(x));
    distances.filter(|distance| distance.is_finite()).map(|d| (-d).exp() * d).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around vectors, blocks and parts, against double precision.
    #[test]
    fn rows_of_every_length_have_their_state() {
        let around = |length: usize| length.saturating_sub(2)..length + 3;
        let lengths = (1..140).chain(around(256)).chain(around(1024)).chain(around(2048));
        let lengths = lengths.chain(around(PART)).chain(around(3 * PART)).chain(around(GRAIN));
        for length in lengths.chain(around(2 * GRAIN + PART)) {
            let value = |i: usize| ((i * 7919 % 10_007) as f32) * 1e-3 - 5.0;
            let mut row: Vec<f32> = (0..length).map(value).collect();
            let place = length * 2 / 3;
            row[place] = 6.0;
            let expected: f64 = row.iter().map(|&x| (f64::from(x) - 6.0).exp()).sum::<f64>() - 1.0;
            let mut exps = vec![f32::NAN; length];
            for softmax in [Softmax::of(&row), Softmax::with_exps(&row, &mut exps)] {
                assert_eq!((softmax.maximum, softmax.argmax(&row)), (6.0, place));
                assert!(
                    (f64::from(softmax.rest) - expected).abs() <= 3e-7 * expected,
                    "{length}: {} and not {expected}",
                    softmax.rest
                );
                assert_eq!(softmax.rest.to_bits(), Softmax::of(&row).rest.to_bits());
            }
            for (&x, exp) in row.iter().zip(exps) {
                assert!((f64::from(exp) - (f64::from(x) - 6.0).exp()).abs() <= 1.2e-7);
            }
        }
    }

    #[test]
    fn special_values_are_found_anywhere() {
        for length in [1, 5, 16, 17, 100, 1500, PART + 1, GRAIN + 7] {
            for place in [0, length / 2, length - 1] {
                for (value, others) in [
                    (f32::NAN, 1.0),
                    (f32::NAN, f32::NEG_INFINITY),
                    (f32::NAN, f32::INFINITY),
                    (f32::INFINITY, 1.0),
                    (f32::NEG_INFINITY, f32::NEG_INFINITY),
                ] {
                    let mut row = vec![others; length];
                    row[place] = value;
                    let softmax = Softmax::of(&row);
                    assert!(softmax.is_undefined());
                    assert_eq!(softmax.maximum.to_bits(), value.to_bits());
                    let expected = if value == others { 0 } else { place };
                    assert_eq!(softmax.argmax(&row), expected);
                }
            }
        }
        assert_eq!(Softmax::of(&[]).maximum, f32::NEG_INFINITY);
    }
}
