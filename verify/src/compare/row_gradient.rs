//! What a row's gradient of cross-entropy may be off by.

use super::Problem;
use super::gradient::{ClassTolerance, RowTolerance};
use super::reduced::Mean;
use super::row::{Row, Transform};

/// What a row's gradient is multiplied by, as absolute values.
pub(super) struct RowFactors {
    /// `g v`.
    pub(super) loss: f64,
    /// `2 g_z v z`.
    z_loss: f64,
    /// How far the reported denominator is from the oracle's, relatively: the mean's gradient is
    /// judged by the one that the engine reports.
    denominator: f64,
}

impl RowFactors {
    pub(super) fn new(problem: &Problem<'_>, i: usize, mean: &Mean) -> Self {
        let upstream = problem.upstream.unwrap_or_default().of_row(i);
        let factor = (f64::from(upstream) * problem.row_weight(i)).abs();
        let z_loss = 2.0 * f64::from(problem.options.z_loss).abs();
        let product = |a: f64, b: f64| if a == 0.0 { 0.0 } else { a * b };
        Self {
            loss: product(factor, mean.loss),
            z_loss: product(factor * z_loss, mean.z_loss),
            denominator: mean.deviation,
        }
    }
}

/// `-g v w_y` at the target, 0 elsewhere.
pub(super) fn of_log_probabilities(
    problem: &Problem<'_>,
    i: usize,
    factors: &RowFactors,
) -> RowTolerance<'static> {
    let target = problem.target(i);
    let own = factors.loss * target.map_or(0.0, |class| problem.class_weight(class).abs());
    let deviation = factors.denominator;
    let of_class = move |class| {
        let terms = if target == Some(class) { own } else { 0.0 };
        ClassTolerance { terms, exponent: 0.0, shift: terms * deviation }
    };
    RowTolerance {
        factor: own,
        z_factor: 0.0,
        flushed: 0.0,
        of_class: Box::new(of_class),
        sum: None,
    }
}

/// `dy/dx_c v (g (U p_c - u_c) + g_z 2 z lse p_c)`.
pub(super) fn of_logits<'a>(
    problem: &Problem<'_>,
    i: usize,
    row: &'a Row,
    coefficients: &'a [f64],
    factors: &RowFactors,
) -> RowTolerance<'a> {
    let slope = Transform::of(problem.options).slope();
    let terms: f64 = coefficients.iter().map(|coefficient| coefficient.abs()).sum();
    let sum: f64 = coefficients.iter().sum();
    let (of_loss, of_z) = (factors.loss * slope, factors.z_loss * slope);
    let deviation = factors.denominator;
    let only = problem.only_term(i);
    let scale = row.log_sum_exp_scale();
    let transform = Transform::of(problem.options);
    let stored = problem.logits.row(i);
    let of_class = move |class: usize| {
        let probability = row.probability(class);
        // With one term the target's value is that times p - 1, which does not cancel.
        let own = match only == Some(class) {
            true => terms * row.complement(class),
            false => terms * probability + coefficients[class].abs(),
        };
        let shift = row.shift(class) * probability;
        let z_shift = row.log_sum_exp_shift() * probability + row.log_sum_exp().abs() * shift;
        let (slope, slope_error) = transform.relative_slope(stored[class]);
        let terms = slope * (of_loss * own + of_z * scale * probability);
        let shift = of_loss * (sum.abs() * shift + own * deviation) + of_z * z_shift;
        ClassTolerance {
            terms,
            exponent: if only == Some(class) { 0.0 } else { row.distance(class) },
            shift: slope * shift + terms * slope_error,
        }
    };
    // A softcap's slope differs from class to class: then nothing sums to 0.
    let is_summed = problem.options.softcap.is_none();
    RowTolerance {
        factor: of_loss * terms,
        z_factor: of_z * scale,
        flushed: row.flushed,
        of_class: Box::new(of_class),
        sum: is_summed.then_some(of_z * row.log_sum_exp_shift()),
    }
}
