//! Our error beside that of PyTorch in single precision on the same cases.

use std::fmt;

/// An error counts at least this much: half a unit in the last place is the rounding of the result.
const ROUNDING: f64 = 0.5;
/// And at most this much, so that one case where PyTorch cancels does not pay for all others.
const LARGEST: f64 = 64.0;
/// The share of outputs that may be noticeably worse than PyTorch's.
const FEW: f64 = 0.02;

/// Sums over outputs of cases.
#[derive(Default)]
pub struct Yardstick {
    outputs: usize,
    ours: f64,
    torch: f64,
    better: usize,
    worse: Vec<String>,
}

/// The largest error over finite values, and what it is counted in: a unit in the last place of the
/// largest of them, but no less than the double precision that the expectation has, for inputs of
/// up to `scale`.
pub fn error(found: &[f64], expected: &[f64], scale: f64) -> (f64, f64) {
    let (mut error, mut largest) = (0f64, 0f32);
    for (found, expected) in found.iter().zip(expected) {
        let rounded = *expected as f32;
        if found.is_finite() && rounded.is_finite() {
            error = error.max((found - expected).abs());
            largest = largest.max(rounded.abs());
        }
    }
    let unit = f64::from(largest.next_up() - largest);
    (error, unit.max(f64::EPSILON * scale.max(1.0)))
}

impl Yardstick {
    /// Takes in one output's largest errors.
    pub fn add(&mut self, what: impl fmt::Display, ours: f64, torch: f64, unit: f64) {
        let counted = |error: f64| (error / unit).clamp(ROUNDING, LARGEST);
        self.outputs += 1;
        self.ours += counted(ours);
        self.torch += counted(torch);
        if counted(ours) < counted(torch) {
            self.better += 1;
        }
        if ours > 2.0 * torch + 2.0 * unit {
            self.worse.push(format!("{what}: {ours:e}, PyTorch {torch:e}, one unit {unit:e}"));
        }
    }

    /// Whether the errors are, on the whole, no larger than PyTorch's: their mean, or below a unit
    /// where PyTorch's is, too; and only few outputs are noticeably worse, beyond twice PyTorch's
    /// error and two units.
    pub fn passed(&self) -> bool {
        let outputs = self.outputs as f64;
        self.ours <= self.torch.max(outputs) && self.worse.len() as f64 <= FEW * outputs
    }
}

impl fmt::Display for Yardstick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = |sum: f64| sum / self.outputs.max(1) as f64;
        write!(
            f,
            "error over {} outputs, in units in the last place: {:.3}, PyTorch {:.3}; \
             better in {}, noticeably worse in {}",
            self.outputs,
            mean(self.ours),
            mean(self.torch),
            self.better,
            self.worse.len(),
        )?;
        self.worse.iter().try_for_each(|each| write!(f, "\n  {each}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_in_units_of_the_largest_value() {
        let unit = 2f64.powi(-22);
        let (error, of) = error(&[2.0, 3.0 + unit, f64::NAN], &[2.0, 3.0, f64::NAN], 1.0);
        assert_eq!((error, of), (unit, unit));
        assert_eq!(super::error(&[1e-17], &[0.0], 8.0), (1e-17, 8.0 * f64::EPSILON));
    }

    #[test]
    fn what_is_worse_does_not_pass() {
        let all = |ours: f64, torch: f64| {
            let mut yardstick = Yardstick::default();
            (0..100).for_each(|_| yardstick.add("an output", ours, torch, 1.0));
            yardstick
        };
        assert!(all(0.5, 3.0).passed() && all(3.0, 3.0).passed() && all(0.9, 0.0).passed());
        assert!(!all(3.1, 3.0).passed() && !all(1.1, 0.0).passed());
        // Better on the whole, but much worse in some.
        let mut yardstick = all(1.0, 3.0);
        (0..2).for_each(|_| yardstick.add("an output", 9.0, 3.0, 1.0));
        assert!(yardstick.passed());
        yardstick.add("an output", 9.0, 3.0, 1.0);
        assert!(!yardstick.passed());
    }
}
