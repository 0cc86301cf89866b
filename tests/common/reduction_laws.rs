//! What holds of every reduction of rows, whatever the numbers.

use proptest::prelude::*;
use wgpu_loss::{Axis, Engine, Logits, Mode, Reduce, ReduceOutput, Statistic, Upstream, Weights};
use wgpu_loss_verify::{Call, Matrix, OwnedUpstream};

use super::random_call::{RandomCall, matrix};
use super::random_reduction::reduction_of_rows;

/// What an engine returns of a call, or the refusal as a failure.
fn call(engine: &dyn Engine, call: &Call) -> Result<ReduceOutput, TestCaseError> {
    let refused = |error| TestCaseError::fail(format!("{}: {error}", engine.name()));
    let options = call.operation.reduction().ok_or_else(|| TestCaseError::fail("no reduction"))?;
    let upstream = match &call.upstream {
        OwnedUpstream::Scalar(factor) => Some(Upstream::Scalar(*factor)),
        OwnedUpstream::PerRow(factors) => Some(Upstream::PerRow(factors)),
        _ => None,
    };
    let values = call.logits.view().map_err(refused)?;
    let weights = call.weights().map_err(refused)?;
    engine.evaluate_reduce(values, weights, upstream, options).map_err(refused)
}

/// All NaN are alike.
fn bits(value: f32) -> u32 {
    if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }
}

/// Everything that is one row's, bit by bit.
fn bits_of_row(call: &Call, out: &ReduceOutput, row: usize) -> Vec<u32> {
    let shape = call.logits.shape.contiguous();
    let of_row = |values: &[f32]| {
        let at = |class: usize| values[shape.start_of(row) + class * shape.inner];
        (0..shape.classes).map(at).collect::<Vec<_>>()
    };
    let mut all = vec![out.values[row]];
    for values in [&out.variance, &out.sign, &out.denominator] {
        all.extend(values.iter().map(|values| values[row]));
    }
    if let Some(gradient) = &out.gradient {
        all.extend(of_row(&gradient.clone().into_f32()));
    }
    // The derivative by a column's weight is of all rows.
    if let Some(gradient) = &out.weight_gradient {
        match (&call.row_weights, &call.element_weights) {
            (_, Some(_)) => all.extend(of_row(gradient)),
            (Some(_), _) => all.push(gradient[row]),
            _ => {}
        }
    }
    all.into_iter().map(bits).collect()
}

/// A matrix of other rows.
fn rows(of: &Matrix, row: impl Fn(usize) -> Vec<f32>) -> Matrix {
    let shape = of.shape.with_element(of.values.element());
    let values: Vec<_> = (0..shape.rows).flat_map(row).collect();
    matrix(&values, shape)
}

fn row(of: &Matrix, row: usize) -> Vec<f32> {
    of.view().expect("a legal view").row(row)
}

/// The same rows in another order.
fn permuted(call: &Call, order: &[usize]) -> Call {
    let vector = |of: &Vec<f32>| order.iter().map(|&row| of[row]).collect::<Vec<_>>();
    let matrix = |of: &Matrix| rows(of, |at| row(of, order[at]));
    Call {
        logits: matrix(&call.logits),
        row_weights: call.row_weights.as_ref().map(vector),
        element_weights: call.element_weights.as_ref().map(matrix),
        upstream: match &call.upstream {
            OwnedUpstream::PerRow(factors) => OwnedUpstream::PerRow(vector(factors)),
            other => other.clone(),
        },
        ..call.clone()
    }
}

/// Reductions of rows, each with an order of them and one to look at.
pub fn rows_in_order() -> impl Strategy<Value = (RandomCall, Vec<usize>, usize)> {
    reduction_of_rows().prop_flat_map(|call| {
        let count = call.0.logits.shape.rows;
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        (Just(call), order, 0..count.max(1))
    })
}

/// A row's results are the same wherever it stands.
pub fn order_makes_no_difference(
    engine: &dyn Engine,
    of: &Call,
    order: &[usize],
) -> Result<(), TestCaseError> {
    let (out, other) = (call(engine, of)?, call(engine, &permuted(of, order))?);
    for (at, &row) in order.iter().enumerate() {
        prop_assert_eq!(bits_of_row(of, &other, at), bits_of_row(of, &out, row), "row {}", row);
    }
    Ok(())
}

/// A row's results are the same whatever the others hold.
pub fn neighbours_make_no_difference(
    engine: &dyn Engine,
    of: &Call,
    kept: usize,
) -> Result<(), TestCaseError> {
    if of.logits.shape.rows == 0 {
        return Ok(()); // no row to keep
    }
    let special = |at: usize| [f32::NAN, 3.5, f32::INFINITY, -0.25][at % 4];
    let elsewhere = |matrix: &Matrix, by: usize| {
        rows(matrix, |at| match (at == kept, row(matrix, at)) {
            (true, row) => row,
            (false, row) => (0..row.len()).map(|column| special(at + column + by)).collect(),
        })
    };
    let vector = |of: &Vec<f32>| {
        let value = |(at, &value)| if at == kept { value } else { special(at) };
        of.iter().enumerate().map(value).collect::<Vec<_>>()
    };
    let other = Call {
        logits: elsewhere(&of.logits, 0),
        row_weights: of.row_weights.as_ref().map(vector),
        element_weights: of.element_weights.as_ref().map(|weights| elsewhere(weights, 1)),
        ..of.clone()
    };
    let (out, other) = (call(engine, of)?, call(engine, &other)?);
    prop_assert_eq!(bits_of_row(of, &other, kept), bits_of_row(of, &out, kept), "row {}", kept);
    Ok(())
}

/// A row of weights above 0 with zeros among them, masked.
#[derive(Clone, Debug)]
pub struct MaskedRow {
    values: Vec<f32>,
    weights: Vec<f32>,
    statistic: Statistic,
}

pub fn masked_row() -> impl Strategy<Value = MaskedRow> {
    let statistic = prop::sample::select(vec![
        Statistic::Sum,
        Statistic::Mean,
        Statistic::SumOfSquares,
        Statistic::MeanAndVariance { correction: 0.0 },
        Statistic::Max,
        Statistic::Min,
        Statistic::LogSumExp,
    ]);
    let weight = prop_oneof![1 => Just(0.0f32), 1 => (1u8..32).prop_map(|it| f32::from(it) / 16.0)];
    let values = prop::collection::vec((-5f32..5.0, weight), 0..400);
    (values, statistic).prop_map(|(terms, statistic)| {
        let (values, weights) = terms.into_iter().unzip();
        MaskedRow { values, weights, statistic }
    })
}

impl MaskedRow {
    fn reduce(
        &self,
        engine: &dyn Engine,
        terms: &[(f32, f32)],
    ) -> Result<ReduceOutput, TestCaseError> {
        let refused = |error| TestCaseError::fail(format!("{}: {error}", engine.name()));
        let (values, weights): (Vec<_>, Vec<_>) = terms.iter().copied().unzip();
        let view = Logits::new(&values, 1, values.len()).map_err(refused)?;
        let mode = Mode::Masked;
        let options = Reduce { mode, ..Reduce::new(self.statistic, Axis::EachRow) };
        engine.reduce(view, Weights::PerColumn(&weights), &options).map_err(refused)
    }

    /// Masked values might as well be anything, and might as well not be there.
    pub fn zeros_leave_out(&self, engine: &dyn Engine) -> Result<(), TestCaseError> {
        let terms = || self.values.iter().copied().zip(self.weights.iter().copied());
        let all: Vec<_> = terms().collect();
        let special = |at: usize| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30][at % 4];
        let hidden =
            terms().enumerate().map(|(at, (x, w))| (if w == 0.0 { special(at) } else { x }, w));
        let left: Vec<_> = terms().filter(|term| term.1 != 0.0).collect();
        let out = self.reduce(engine, &all)?;
        let call = |terms: &[(f32, f32)]| self.reduce(engine, terms);
        prop_assert_eq!(self.bits(&call(&hidden.collect::<Vec<_>>())?), self.bits(&out), "hidden");
        // Sums in another order: close, relative to what they are sums of.
        let out_of_fewer = call(&left)?;
        let sum = |of: fn(f64, f64) -> f64| {
            left.iter().map(|&(x, w)| of(x.into(), w.into())).sum::<f64>()
        };
        let weights = sum(|_, w| w);
        let size = match self.statistic {
            Statistic::Max | Statistic::Min => 0.0,
            Statistic::Sum => sum(|x, w| w * x.abs()),
            Statistic::SumOfSquares => sum(|x, w| w * x * x),
            Statistic::LogSumExp => 10.0 * (1.0 + f64::from(out.values[0]).abs()),
            _ => sum(|x, w| w * x.abs()) / weights,
        };
        let squares = sum(|x, w| w * x * x) / weights;
        let close = |one: &[f32], other: &[f32], size: f64| {
            let (one, other) = (f64::from(one[0]), f64::from(other[0]));
            one == other || (one.is_nan() && other.is_nan()) || (one - other).abs() <= 4e-7 * size
        };
        prop_assert!(
            close(&out.values, &out_of_fewer.values, size),
            "{:?}, of fewer {:?}",
            out,
            out_of_fewer
        );
        for (one, other, size) in [
            (&out.variance, &out_of_fewer.variance, 10.0 * squares),
            (&out.sign, &out_of_fewer.sign, 0.0),
            (&out.denominator, &out_of_fewer.denominator, weights),
        ] {
            prop_assert_eq!(one.is_some(), other.is_some());
            if let (Some(one), Some(other)) = (one, other) {
                prop_assert!(close(one, other, size), "{:?}, of fewer {:?}", one, other);
            }
        }
        Ok(())
    }

    fn bits(&self, out: &ReduceOutput) -> Vec<u32> {
        let beside = [&out.variance, &out.sign, &out.denominator];
        let all = beside.into_iter().flatten().chain([&out.values]);
        all.flat_map(|values| values.iter().copied().map(bits)).collect()
    }
}
