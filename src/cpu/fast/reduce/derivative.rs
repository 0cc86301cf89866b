//! Derivatives with respect to values and weights, line by line.

use std::ops::Range;

use super::tile::LineWeights;
use super::view::Orientation;
use crate::axis::Axis;
use crate::cpu::fast::exp::exp;
use crate::cpu::oracle::reduce::{Summary, Term};
use crate::ops::cross_entropy::Mode;
use crate::ops::reduce::{Denominator, Reduce, Statistic};
use crate::upstream::Upstream;

/// What a result's derivatives have in common.
#[derive(Clone, Copy, Default)]
pub(super) struct Coefficient {
    /// What they are multiplied by: the upstream gradient, divided as the mean is, with the sign of
    /// a log-sum-exp. NaN where they are undefined.
    scale: f64,
    /// What the values are compared with: the mean, or the maximum of a log-sum-exp.
    shift: f64,
    /// What a log-sum-exp is beyond its maximum.
    beyond: f64,
    /// Of a mean over nothing: the derivatives of what is left out are 0.
    hides: bool,
}

/// Makes coefficients of results.
#[derive(Clone, Copy)]
pub(super) struct Derivation<'a> {
    pub(super) options: &'a Reduce,
    pub(super) upstream: Upstream<'a>,
}

impl Derivation<'_> {
    pub(super) fn coefficient(&self, result: usize, summary: &Summary) -> Coefficient {
        let upstream = f64::from(self.upstream.of_row(result));
        let Summary { value, sign, denominator, maximum, beyond, .. } = *summary;
        let over_nothing = denominator == 0.0;
        match self.options.statistic {
            Statistic::LogSumExp if value.is_nan() || sign == 0.0 => {
                Coefficient { scale: f64::NAN, ..Default::default() }
            }
            Statistic::LogSumExp => {
                Coefficient { scale: upstream * sign, shift: maximum, beyond, hides: false }
            }
            Statistic::Mean => Coefficient {
                scale: if over_nothing { f64::NAN } else { upstream / denominator },
                shift: if value.is_finite() { value } else { f64::NAN },
                beyond: 0.0,
                hides: over_nothing && self.options.mode == Mode::Masked,
            },
            _ => Coefficient { scale: upstream, ..Default::default() },
        }
    }
}

/// The coefficients of a line.
#[derive(Clone, Copy)]
pub(super) enum LineCoefficients<'a> {
    Same(Coefficient),
    Each(&'a [Coefficient]),
}

impl LineCoefficients<'_> {
    fn at(&self, place: usize) -> Coefficient {
        match self {
            Self::Same(coefficient) => *coefficient,
            Self::Each(coefficients) => coefficients[place],
        }
    }
}

/// With respect to what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Of {
    Values,
    Weights,
}

/// The derivatives of all results.
pub(super) struct Derivative<'a> {
    pub(super) options: &'a Reduce,
    pub(super) coefficients: &'a [Coefficient],
}

/// Whether single precision holds no exponential of it: of what is still below, nothing is left
/// whatever it is multiplied by.
#[inline(always)]
fn is_distant(exponent: f32) -> bool {
    exponent > 87.0 || (exponent < -87.0 && exponent > -400.0)
}

/// The exponent of a term of log-sum-exp; what is left out and not finite has none.
#[inline(always)]
fn exponent(x: f32, w: f32, coefficient: &Coefficient) -> f64 {
    match w == 0.0 && !x.is_finite() {
        true => f64::NEG_INFINITY,
        false => (f64::from(x) - coefficient.shift) - coefficient.beyond,
    }
}

/// Changes a line in place: each of its values with its weight and its coefficient.
#[inline(always)]
fn change(
    line: &mut [f32],
    weights: LineWeights<'_>,
    coefficients: LineCoefficients<'_>,
    formula: impl Fn(f32, f32, &Coefficient) -> f32,
) {
    use {LineCoefficients as C, LineWeights as W};
    match (weights, coefficients) {
        (W::One, C::Same(c)) => line.iter_mut().for_each(|it| *it = formula(*it, 1.0, &c)),
        (W::Same(w), C::Same(c)) => line.iter_mut().for_each(|it| *it = formula(*it, w, &c)),
        (W::Each(weights), C::Same(c)) => {
            line.iter_mut().zip(weights).for_each(|(it, &w)| *it = formula(*it, w, &c));
        }
        (W::One, C::Each(each)) => {
            line.iter_mut().zip(each).for_each(|(it, c)| *it = formula(*it, 1.0, c));
        }
        (W::Same(w), C::Each(each)) => {
            line.iter_mut().zip(each).for_each(|(it, c)| *it = formula(*it, w, c));
        }
        (W::Each(weights), C::Each(each)) => {
            let both = weights.iter().zip(each);
            line.iter_mut().zip(both).for_each(|(it, (&w, c))| *it = formula(*it, w, c));
        }
    }
}

/// From the value, or the exponential of a log-sum-exp's term.
#[inline(always)]
fn formula(options: &Reduce, of: Of, value: f64, w: f64, coefficient: &Coefficient) -> f64 {
    let Coefficient { scale, shift, hides, .. } = *coefficient;
    let masks = options.mode == Mode::Masked && w == 0.0;
    match (options.statistic, of) {
        (Statistic::LogSumExp, Of::Values) if w == 0.0 => 0.0,
        (Statistic::LogSumExp, Of::Values) => scale * w * value,
        (Statistic::LogSumExp, Of::Weights) => scale * value,
        (_, Of::Values) if hides && w == 0.0 => 0.0,
        (_, Of::Values) => scale * w,
        (_, Of::Weights) if masks && (hides || !value.is_finite()) => 0.0,
        (Statistic::Mean, _) if options.denominator == Denominator::Weights => {
            if value.is_finite() { (value - shift) * scale } else { f64::NAN }
        }
        _ => scale * value,
    }
}

impl<'a> Derivative<'a> {
    /// The coefficients of some places of a line.
    pub(super) fn of_line(
        &self,
        orientation: Orientation,
        line: usize,
        places: Range<usize>,
    ) -> LineCoefficients<'a> {
        match (self.options.axis, orientation) {
            (Axis::All, _) => LineCoefficients::Same(self.coefficients[0]),
            (Axis::EachRow, Orientation::Rows) | (Axis::EachColumn, Orientation::Columns) => {
                LineCoefficients::Same(self.coefficients[line])
            }
            _ => LineCoefficients::Each(&self.coefficients[places]),
        }
    }

    /// Of each value of a line, into `into`.
    pub(super) fn write(
        &self,
        of: Of,
        values: &[f32],
        weights: LineWeights<'_>,
        coefficients: LineCoefficients<'_>,
        into: &mut [f32],
    ) {
        // The statistic is told apart once a line and not once a value.
        match self.options.statistic {
            Statistic::LogSumExp => {
                let distant = exponentials(values, weights, coefficients, into);
                self.apply(of, Statistic::LogSumExp, weights, coefficients, into);
                if distant {
                    self.write_distant(of, values, weights, coefficients, into);
                }
            }
            statistic => {
                if of == Of::Weights {
                    into.copy_from_slice(values);
                }
                self.apply(of, statistic, weights, coefficients, into);
            }
        }
    }

    /// From values or exponentials in place.
    #[inline(always)]
    fn apply(
        &self,
        of: Of,
        statistic: Statistic,
        weights: LineWeights<'_>,
        coefficients: LineCoefficients<'_>,
        into: &mut [f32],
    ) {
        let options = Reduce { statistic, ..*self.options };
        change(into, weights, coefficients, |value, w, coefficient| {
            formula(&options, of, value.into(), w.into(), coefficient) as f32
        });
    }

    /// Those whose exponentials single precision does not hold.
    #[cold]
    fn write_distant(
        &self,
        of: Of,
        values: &[f32],
        weights: LineWeights<'_>,
        coefficients: LineCoefficients<'_>,
        into: &mut [f32],
    ) {
        for (place, (&x, into)) in values.iter().zip(into).enumerate() {
            let (w, coefficient) = (weights.at(place), coefficients.at(place));
            let exponent = exponent(x, w, &coefficient);
            if is_distant(exponent as f32) {
                let exp = exponent.exp();
                *into = formula(self.options, of, exp, w.into(), &coefficient) as f32;
            }
        }
    }

    /// With respect to the weight of one value, in double precision.
    pub(super) fn exact(
        &self,
        term: Term,
        coefficients: LineCoefficients<'_>,
        place: usize,
    ) -> f64 {
        let coefficient = coefficients.at(place);
        let value = match self.options.statistic {
            Statistic::LogSumExp => exponent(term.x as f32, term.w as f32, &coefficient).exp(),
            _ => term.x,
        };
        formula(self.options, Of::Weights, value, term.w, &coefficient)
    }
}

/// `exp(x - y)` of a line; says whether single precision does not hold one of them.
fn exponentials(
    values: &[f32],
    weights: LineWeights<'_>,
    coefficients: LineCoefficients<'_>,
    into: &mut [f32],
) -> bool {
    into.copy_from_slice(values);
    change(into, weights, coefficients, |x, w, coefficient| exponent(x, w, coefficient) as f32);
    let distant = into.iter().fold(false, |any, &exponent| any | is_distant(exponent));
    into.iter_mut().for_each(|it| *it = exp(*it));
    distant
}
