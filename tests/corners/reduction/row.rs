//! A row of the table of reductions: three values of interest, their weights, and what comes of
//! them.

use wgpu_loss::{Denominator, Element, Mode, Statistic};

use crate::expect::Is;

/// What depends on the mode, for an upstream gradient of 1.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub value: Is,
    /// Of `MeanAndVariance`.
    pub variance: Is,
    /// Of `LogSumExp`.
    pub sign: Is,
    /// Of `Mean` and `MeanAndVariance`.
    pub denominator: Is,
    /// With respect to each of the three values, and to every other one.
    pub gradient: [Is; 4],
    /// With respect to their weights.
    pub weight_gradient: [Is; 4],
}

impl Outcome {
    pub const fn of(value: Is) -> Self {
        Self {
            value,
            variance: Is::Nan,
            sign: Is::Nan,
            denominator: Is::Nan,
            gradient: [Is::Nan; 4],
            weight_gradient: [Is::Nan; 4],
        }
    }

    pub const fn varying(self, variance: Is) -> Self {
        Self { variance, ..self }
    }

    pub const fn signed(self, sign: Is) -> Self {
        Self { sign, ..self }
    }

    pub const fn over(self, denominator: f64) -> Self {
        Self { denominator: number(denominator), ..self }
    }

    pub const fn dx(self, gradient: [f64; 4]) -> Self {
        Self { gradient: numbers(gradient), ..self }
    }

    pub const fn dw(self, gradient: [f64; 4]) -> Self {
        Self { weight_gradient: numbers(gradient), ..self }
    }
}

/// A number, NaN and infinities included.
pub const fn number(value: f64) -> Is {
    if value.is_nan() {
        Is::Nan
    } else if value == f64::INFINITY {
        Is::Inf
    } else if value == f64::NEG_INFINITY {
        Is::NegInf
    } else if value == 0.0 {
        Is::Zero
    } else {
        Is::Value(value)
    }
}

const fn numbers(of: [f64; 4]) -> [Is; 4] {
    [number(of[0]), number(of[1]), number(of[2]), number(of[3])]
}

/// Three values among others, and what comes of them.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub statistic: Statistic,
    pub denominator: Denominator,
    pub values: [f32; 3],
    /// Every other value, which changes nothing; `None`: there is none that would not.
    pub others: Option<f32>,
    /// Of the three; 0 for all others.
    pub weights: Option<[f32; 3]>,
    pub elements: &'static [Element],
    pub strict: Outcome,
    pub masked: Outcome,
}

impl Row {
    pub const fn new(statistic: Statistic, name: &'static str, values: [f32; 3]) -> Self {
        let others = match statistic {
            Statistic::Sum | Statistic::SumOfSquares => Some(0.0),
            Statistic::Max | Statistic::LogSumExp => Some(f32::NEG_INFINITY),
            Statistic::Min => Some(f32::INFINITY),
            Statistic::Mean | Statistic::MeanAndVariance { .. } => None,
        };
        let nothing = Outcome::of(Is::Nan);
        Self {
            name,
            statistic,
            denominator: Denominator::Weights,
            values,
            others,
            weights: None,
            elements: &Element::ALL,
            strict: nothing,
            masked: nothing,
        }
    }

    /// With weights, beside which others weigh nothing.
    pub const fn weighing(self, weights: [f32; 3]) -> Self {
        Self { weights: Some(weights), others: Some(0.0), ..self }
    }

    pub const fn counting(self) -> Self {
        Self { denominator: Denominator::NonzeroWeights, ..self }
    }

    /// What is to come of it in both modes.
    pub const fn gives(self, outcome: Outcome) -> Self {
        Self { strict: outcome, masked: outcome, ..self }
    }

    /// What is to come of it in each mode.
    pub const fn gives_each(self, strict: Outcome, masked: Outcome) -> Self {
        Self { strict, masked, ..self }
    }

    pub fn outcome(&self, mode: Mode) -> &Outcome {
        match mode {
            Mode::Strict => &self.strict,
            Mode::Masked => &self.masked,
        }
    }

    pub fn has_gradient(&self) -> bool {
        matches!(self.statistic, Statistic::Sum | Statistic::Mean | Statistic::LogSumExp)
    }

    /// Whether all weights, those of so many values in all, are the same.
    pub fn has_one_weight(&self, length: usize) -> bool {
        self.weights.is_some_and(|weights| {
            weights.iter().all(|weight| weight.to_bits() == weights[0].to_bits())
                && (length == 3 || weights[0] == 0.0)
        })
    }
}
