//! Gradients with respect to the values and to the weights.

use wgpu_loss::{Denominator, Mode, ReduceOutput, Statistic, Upstream, Weights};

use super::super::Comparison;
use super::super::tolerance::{FLUSHED, QUOTIENT, SUM, TOLERANCE, Tolerance};
use super::terms::{Judged, Terms, subnormal};
use super::{Expected, Place, Reduction, overflows};

/// What the gradients at one value depend on.
struct Element<'a> {
    problem: &'a Reduction<'a>,
    terms: &'a Terms,
    result: Expected,
    place: Place,
    /// The result's upstream factor.
    factor: f64,
}

/// A sum of gradients with respect to one weight; `None`: one of them may be anything.
type Sum = Option<Judged>;

const NOTHING: Judged = Judged { tolerance: Tolerance::EXACT, unit: 0.0, largest: 0.0 };

impl<'a> Element<'a> {
    fn new(
        problem: &'a Reduction<'a>,
        upstream: Upstream<'a>,
        terms: &'a [Terms],
        expected: &ReduceOutput<f64, Vec<f64>>,
        place: Place,
    ) -> Self {
        let result = Expected::of(expected, place.result);
        let factor = upstream.of_row(place.result).into();
        Self { problem, terms: &terms[place.result], result, place, factor }
    }

    /// Whether the result is a sum that cancels, of which engines need not agree that it is not 0.
    fn is_open(&self) -> bool {
        self.problem.options.statistic == Statistic::LogSumExp && self.terms.is_cancelled()
    }

    /// Of the gradient with respect to the value, where the oracle has this one.
    fn of_value(&self, expected: f64) -> Judged {
        let size = expected.abs();
        let accuracy = match self.problem.options.statistic {
            Statistic::LogSumExp => return self.of_exponential(size, self.place.weight),
            Statistic::Sum => QUOTIENT,
            _ => {
                let denominator = self.result.denominator;
                let cancellation = self.terms.cancellation(self.problem, denominator);
                // Half of it is the denominator's.
                QUOTIENT * 0.5 * (1.0 + cancellation)
            }
        };
        Judged::of(accuracy, size, 0.0)
    }

    /// Of the gradient with respect to the weight, where that is one of the value alone.
    fn of_weight(&self) -> Judged {
        let Place { value: x, weight, .. } = self.place;
        let g = self.factor.abs();
        let options = self.problem.options;
        let is_left_out = options.mode == Mode::Masked || options.statistic == Statistic::LogSumExp;
        if is_left_out && weight == 0.0 && !x.is_finite() {
            return NOTHING;
        }
        let denominator = self.result.denominator.abs();
        match (options.statistic, options.denominator) {
            (Statistic::LogSumExp, _) => {
                let size = g * (x - self.result.value).exp();
                self.of_exponential(size, 1.0)
            }
            (Statistic::Sum, _) => Judged::of(SUM, g * x.abs(), g * subnormal(x)),
            (_, Denominator::NonzeroWeights) => {
                Judged::of(QUOTIENT, g * x.abs() / denominator, g * subnormal(x) / denominator)
            }
            (_, Denominator::Weights) => {
                let cancellation = self.terms.cancellation(self.problem, denominator);
                let mean = self.result.value.abs() * (1.0 + cancellation);
                let size = x.abs() + mean + self.terms.products / denominator;
                let beside = subnormal(x) + self.terms.sum().tolerance.extra / denominator;
                Judged::of(QUOTIENT, g * size / denominator, g * beside / denominator)
            }
        }
    }

    /// Of an exponential multiplied by this weight and the upstream factor, which is this large.
    fn of_exponential(&self, size: f64, weight: f64) -> Judged {
        let distance = (self.place.value - self.result.value).abs();
        let accuracy = 2.0 * TOLERANCE * (1.0 + self.terms.condition()) * (1.0 + distance);
        let factor = (self.factor * weight).abs();
        if size == 0.0 || factor == 0.0 {
            return Judged { largest: factor, ..NOTHING };
        }
        let exponential = size / factor;
        let lost = exponential * self.terms.lost / self.terms.signed.abs();
        let judged = Judged::of(accuracy, size, factor * (FLUSHED + lost));
        Judged { largest: exponential.max(size), ..judged }
    }
}

impl Comparison {
    pub(super) fn reduction_gradient(
        &mut self,
        problem: &Reduction<'_>,
        terms: &[Terms],
        found: &ReduceOutput,
        expected: &ReduceOutput<f64, Vec<f64>>,
    ) {
        let element = problem.options.gradient_element.unwrap_or(problem.values.element());
        let what = "gradient";
        let Some(matrices) =
            self.both(what, &found.gradient, &expected.gradient).and_then(|(found, expected)| {
                self.matrices(what, problem.values.shape(), element, found, expected)
            })
        else {
            return;
        };
        let upstream = problem.upstream.unwrap_or_default();
        problem.for_each(|place| {
            let at = Element::new(problem, upstream, terms, expected, place);
            let (found, value) = matrices.get(place.row, place.column);
            let judged = at.of_value(value);
            if at.is_open() || overflows(found, judged.largest, value) {
                return;
            }
            let Place { row, column, .. } = place;
            let name = || format!("{what} at row {row}, column {column}");
            self.element(found, value, element, judged.tolerance, judged.unit, name);
        });
    }

    pub(super) fn weight_gradient(
        &mut self,
        problem: &Reduction<'_>,
        terms: &[Terms],
        found: &ReduceOutput,
        expected: &ReduceOutput<f64, Vec<f64>>,
    ) {
        let what = "weight gradient";
        let Some((found, values)) =
            self.rows(what, &found.weight_gradient, &expected.weight_gradient)
        else {
            return;
        };
        let shape = problem.values.shape().contiguous();
        let mut sums: Vec<Sum> = vec![Some(NOTHING); values.len()];
        let upstream = problem.upstream.unwrap_or_default();
        problem.for_each(|place| {
            let at = Element::new(problem, upstream, terms, expected, place);
            let sum = &mut sums[match problem.weights {
                Weights::PerRow(_) => place.row,
                Weights::PerColumn(_) => place.column,
                _ => shape.start_of(place.row) + place.column * shape.inner,
            }];
            *sum = match *sum {
                Some(sum) if !at.is_open() => Some(sum.plus(at.of_weight())),
                _ => None,
            };
        });
        for (i, sum) in sums.into_iter().enumerate() {
            if let Some(judged) = sum
                && !overflows(found[i], judged.largest, values[i])
            {
                self.judged(found[i], values[i], judged, || format!("{what} {i}"));
            }
        }
    }
}

impl Judged {
    fn plus(self, other: Self) -> Self {
        Self {
            tolerance: self.tolerance + other.tolerance,
            unit: self.unit + other.unit,
            largest: self.largest + other.largest,
        }
    }
}
