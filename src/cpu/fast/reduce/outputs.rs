//! The results, and what gradients are computed from.

use super::derivative::{Coefficient, Derivation};
use crate::cpu::fast::split::Split;
use crate::cpu::oracle::reduce::Summary;
use crate::error::Result;
use crate::memory::{filled, when, zeros};
use crate::ops::reduce::validate::OPERATION;
use crate::ops::reduce::{Reduce, ReduceOutput, Statistic};

/// All results, each present where the statistic has it.
pub(super) struct Results {
    values: Vec<f32>,
    variance: Option<Vec<f32>>,
    sign: Option<Vec<f32>>,
    denominator: Option<Vec<f32>>,
    /// One for each result where there is a gradient.
    pub(super) coefficients: Option<Vec<Coefficient>>,
}

/// Those of consecutive results.
pub(super) struct Outputs<'a> {
    values: &'a mut [f32],
    variance: Option<&'a mut [f32]>,
    sign: Option<&'a mut [f32]>,
    denominator: Option<&'a mut [f32]>,
    coefficients: Option<(&'a mut [Coefficient], Derivation<'a>)>,
    /// The first of them.
    start: usize,
}

impl Results {
    pub(super) fn new(count: usize, options: &Reduce, gradient: bool) -> Result<Self> {
        let column = |is_there: bool| when(is_there, || zeros(OPERATION, count));
        let has_variance = matches!(options.statistic, Statistic::MeanAndVariance { .. });
        let coefficients = || filled(OPERATION, Coefficient::default(), count);
        Ok(Self {
            values: zeros(OPERATION, count)?,
            variance: column(has_variance)?,
            sign: column(options.statistic == Statistic::LogSumExp)?,
            denominator: column(has_variance || options.statistic == Statistic::Mean)?,
            coefficients: when(gradient, coefficients)?,
        })
    }

    /// With what coefficients are computed from, where there is a gradient.
    pub(super) fn outputs<'a>(&'a mut self, derivation: Option<Derivation<'a>>) -> Outputs<'a> {
        Outputs {
            values: &mut self.values,
            variance: self.variance.as_deref_mut(),
            sign: self.sign.as_deref_mut(),
            denominator: self.denominator.as_deref_mut(),
            coefficients: self.coefficients.as_deref_mut().zip(derivation),
            start: 0,
        }
    }

    pub(super) fn into_output(self) -> ReduceOutput {
        ReduceOutput {
            values: self.values,
            variance: self.variance,
            sign: self.sign,
            denominator: self.denominator,
            gradient: None,
            weight_gradient: None,
        }
    }
}

impl<'a> Outputs<'a> {
    /// Of a sum alone.
    pub(super) fn of_values(values: &'a mut [f32]) -> Self {
        let (variance, sign, denominator, coefficients) = (None, None, None, None);
        Self { values, variance, sign, denominator, coefficients, start: 0 }
    }

    /// Some of them.
    pub(super) fn part(self, start: usize, count: usize) -> Self {
        self.split(start).1.split(count).0
    }

    pub(super) fn write(&mut self, index: usize, summary: &Summary) {
        self.values[index] = summary.value as f32;
        let columns = [
            (&mut self.variance, summary.variance),
            (&mut self.sign, summary.sign),
            (&mut self.denominator, summary.denominator),
        ];
        for (column, value) in columns {
            if let Some(column) = column {
                column[index] = value as f32;
            }
        }
        if let Some((coefficients, derivation)) = &mut self.coefficients {
            coefficients[index] = derivation.coefficient(self.start + index, summary);
        }
    }
}

impl Split for Outputs<'_> {
    fn split(self, count: usize) -> (Self, Self) {
        let (values, values_right) = self.values.split(count);
        let (variance, variance_right) = self.variance.split(count);
        let (sign, sign_right) = self.sign.split(count);
        let (denominator, denominator_right) = self.denominator.split(count);
        let (coefficients, coefficients_right) = match self.coefficients {
            Some((coefficients, derivation)) => {
                let (left, right) = coefficients.split(count);
                (Some((left, derivation)), Some((right, derivation)))
            }
            None => (None, None),
        };
        let left = Self { values, variance, sign, denominator, coefficients, start: self.start };
        let right = Self {
            values: values_right,
            variance: variance_right,
            sign: sign_right,
            denominator: denominator_right,
            coefficients: coefficients_right,
            start: self.start + count,
        };
        (left, right)
    }
}
