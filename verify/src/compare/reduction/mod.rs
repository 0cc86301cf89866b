//! Weighted reductions, whole or of segments, and their gradients.

mod gradient;
mod terms;
#[cfg(test)]
mod tests;

use wgpu_loss::{
    Axis, Denominator, Logits, Mode, Reduce, ReduceOutput, Segments, Statistic, Upstream,
    WeightLayout, Weights,
};

use super::Comparison;
use super::tolerance::{CANCELLED, Tolerance};
use terms::{Judged, Terms};

/// A call of a reduction.
#[derive(Clone, Copy)]
pub(in super::super) struct Reduction<'a> {
    pub(in super::super) values: Logits<'a>,
    pub(in super::super) weights: Weights<'a>,
    pub(in super::super) segments: Option<Segments<'a>>,
    pub(in super::super) upstream: Option<Upstream<'a>>,
    pub(in super::super) options: &'a Reduce,
}

/// A value, its weight, and the result they are part of.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    column: usize,
    result: usize,
    value: f64,
    weight: f64,
}

impl Reduction<'_> {
    /// The result that the first value of a row is part of, and how much further that of the next
    /// is; `None` where the row is part of none.
    fn result_of(&self, row: usize) -> Option<(usize, usize)> {
        let columns = self.values.classes();
        match self.segments {
            Some(Segments::Offsets(offsets)) => {
                let begun = offsets.partition_point(|&offset| offset as usize <= row);
                (begun < offsets.len()).then(|| Some((begun.checked_sub(1)? * columns, 1)))?
            }
            Some(Segments::Ids { ids, .. }) => {
                usize::try_from(ids[row]).ok().map(|segment| (segment * columns, 1))
            }
            None => Some(match self.options.axis {
                Axis::EachRow => (row, 0),
                Axis::EachColumn => (0, 1),
                Axis::All => (0, 0),
            }),
        }
    }

    fn for_each(&self, mut with: impl FnMut(Place)) {
        for row in 0..self.values.rows() {
            let Some((first, step)) = self.result_of(row) else { continue };
            let of_elements = match self.weights {
                Weights::PerElement(weights) => weights.row(row),
                _ => Vec::new(),
            };
            for (column, value) in self.values.row(row).into_iter().enumerate() {
                let weight = match self.weights {
                    Weights::None => 1.0,
                    Weights::PerRow(weights) => weights[row],
                    Weights::PerColumn(weights) => weights[column],
                    Weights::PerElement(_) => of_elements[column],
                };
                let result = first + column * step;
                let (value, weight) = (value.into(), weight.into());
                with(Place { row, column, result, value, weight });
            }
        }
    }

    fn is_weighted(&self) -> bool {
        self.weights.layout() != WeightLayout::None
    }

    /// Whether a mean is divided by the sum of the weights.
    fn divides_by_weights(&self) -> bool {
        let counts = self.options.statistic == Statistic::Mean
            && self.options.denominator == Denominator::NonzeroWeights;
        self.is_weighted() && !counts
    }
}

/// What the oracle says of a result beside its value; NaN where it says nothing.
#[derive(Clone, Copy)]
struct Expected {
    value: f64,
    denominator: f64,
    sign: f64,
}

impl Expected {
    fn of(expected: &ReduceOutput<f64, Vec<f64>>, at: usize) -> Self {
        let get = |values: &Option<Vec<f64>>| values.as_ref().map_or(f64::NAN, |it| it[at]);
        Self {
            value: expected.values[at],
            denominator: get(&expected.denominator),
            sign: get(&expected.sign),
        }
    }
}

/// Whether something on the way to a finite gradient may overflow single precision, so that it is
/// none: what the terms are as large as is beyond it, and they are not of one sign.
fn overflows(found: f32, terms: f64, expected: f64) -> bool {
    !found.is_finite() && terms > f32::MAX.into() && terms > expected.abs()
}

impl Comparison {
    pub(in super::super) fn reduction(
        &mut self,
        problem: &Reduction<'_>,
        found: &ReduceOutput,
        expected: &ReduceOutput<f64, Vec<f64>>,
    ) {
        self.same_length("values", &found.values, &expected.values);
        let variance = self.rows("variance", &found.variance, &expected.variance);
        let sign = self.rows("sign", &found.sign, &expected.sign);
        let denominator = self.rows("denominator", &found.denominator, &expected.denominator);
        if self.failure.is_some() {
            return;
        }
        let terms = terms::of_results(problem, expected);
        for (i, terms) in terms.iter().enumerate() {
            let result = Expected::of(expected, i);
            let name = |what: &'static str| move || format!("{what} of result {i}");
            if let Some((found, expected)) = denominator {
                let judged = terms.denominator(problem);
                self.judged(found[i], expected[i], judged, name("denominator"));
            }
            if let Some((found_sign, _)) = sign {
                self.log_of_sum(found.values[i], found_sign[i], result, terms, i);
                continue;
            }
            if is_either(problem, result, terms) {
                let variance = variance.map_or(0.0, |(found, _)| found[i]);
                self.nothing_or_nan(found.values[i], variance, i);
                continue;
            }
            let (what, judged) = match problem.options.statistic {
                Statistic::Sum => ("sum", terms.sum()),
                Statistic::SumOfSquares => ("sum of squares", terms.sum_of_squares()),
                Statistic::Max | Statistic::Min => ("value", Judged::stored(result.value)),
                _ => ("mean", terms.mean(problem, result)),
            };
            self.judged(found.values[i], result.value, judged, name(what));
            if let (Some((found, expected)), Statistic::MeanAndVariance { correction }) =
                (variance, problem.options.statistic)
            {
                let judged = terms.variance(problem, result, expected[i], correction.into());
                self.judged(found[i], expected[i], judged, name("variance"));
            }
        }
        self.reduction_gradient(problem, &terms, found, expected);
        self.weight_gradient(problem, &terms, found, expected);
    }

    fn judged(&mut self, found: f32, expected: f64, judged: Judged, name: impl Fn() -> String) {
        self.close_in_units(found, expected, judged.tolerance, judged.unit, name);
    }

    /// A masked mean over a sum of weights of 0: 0 if the sum is 0, else NaN.
    fn nothing_or_nan(&mut self, mean: f32, variance: f32, i: usize) {
        let is_right = match mean.is_nan() {
            true => variance.is_nan() || variance == 0.0,
            false => mean == 0.0 && variance == 0.0,
        };
        if !is_right {
            self.fail(|| format!("mean of result {i} is {mean:e}, variance {variance:e}"));
        }
    }

    /// The logarithm of a sum's magnitude, and its sign.
    fn log_of_sum(&mut self, found: f32, sign: f32, expected: Expected, terms: &Terms, i: usize) {
        let name = || format!("log-sum-exp of result {i}");
        if terms.is_cancelled() && found != f32::INFINITY && !found.is_nan() {
            // How much is left of a sum that cancels depends on rounding, down to nothing.
            let left = f64::from(sign) * (f64::from(found) - terms.maximum).exp();
            let has_sign = if found == f32::NEG_INFINITY { sign == 0.0 } else { sign.abs() == 1.0 };
            let size = terms.uncertain() + left.abs() * f64::from(found).abs().min(f64::MAX);
            let most = Tolerance::of(size).and(terms.lost).allowed();
            if !has_sign || (left - terms.signed).abs() > most {
                let value = expected.value;
                self.fail(|| format!("{} is {found:e}, sign {sign}, expected {value:e}", name()));
            }
            return;
        }
        self.judged(found, expected.value, terms.log_of_sum(expected.value), name);
        let expected = expected.sign;
        if f64::from(sign) != expected && !(sign.is_nan() && expected.is_nan()) {
            self.fail(|| format!("sign of result {i} is {sign}, expected {expected}"));
        }
    }
}

/// Whether a masked mean may be 0 or NaN: its sum of weights is 0, and whether that of the products
/// is depends on rounding.
fn is_either(problem: &Reduction<'_>, result: Expected, terms: &Terms) -> bool {
    problem.options.mode == Mode::Masked
        && result.denominator == 0.0
        && terms.products > 0.0
        && terms.total.abs() <= terms.sum().tolerance.allowed()
}

impl Terms {
    /// Whether so little is left of the sum of exponentials that rounding may change its sign.
    fn is_cancelled(&self) -> bool {
        self.exponentials.is_finite() && self.uncertain() > CANCELLED * self.signed.abs()
    }
}
