//! Runs a row of the table of reductions, beside ordinary ones, and compares all that comes of it.

use wgpu_loss::{Axis, Engine, Mode, Reduce, ReduceOutput, Statistic, Upstream, Weights};

use super::row::{Outcome, Row};
use super::setting::{Form, Setting, settings};
use crate::expect::{Is, is_close, is_gradient, is_sum};
use crate::plan::Extent;
use crate::widen::{Placed, spread};

/// A row's copies and its neighbours in a setting, one for each result.
struct Batch<'a> {
    rows: Vec<&'a Row>,
    setting: Setting,
    mode: Mode,
    options: Reduce,
    factors: Vec<f32>,
}

/// Runs a row in the settings of its turn, and in both modes; gives the number of calls. The
/// neighbour is an ordinary row of the same statistic.
///
/// # Errors
/// The first thing that differs.
pub fn check(
    engine: &dyn Engine,
    row: &Row,
    neighbour: &Row,
    extent: Extent,
    turn: usize,
) -> Result<usize, String> {
    let mut calls = 0;
    for setting in settings(row, extent, turn) {
        for mode in [Mode::Strict, Mode::Masked] {
            let compared = Batch::new(row, neighbour, setting, mode).check(engine);
            calls += compared
                .map_err(|problem| format!("{}: {problem} ({mode:?}, {setting:?})", row.name))?;
        }
    }
    Ok(calls)
}

/// What is to be found, as a number.
fn number(is: Is) -> f64 {
    is.number(f64::NAN)
}

impl<'a> Batch<'a> {
    fn new(row: &'a Row, neighbour: &'a Row, setting: Setting, mode: Mode) -> Self {
        // Weights along the values are those of all.
        let has_neighbours = matches!(setting.form, Form::None | Form::PerElement);
        let of = |index: usize| match has_neighbours
            && setting.axis != Axis::All
            && index.is_multiple_of(2)
        {
            true => neighbour,
            false => row,
        };
        let rows = (0..setting.results()).map(of).collect();
        let options = Reduce {
            statistic: row.statistic,
            axis: setting.axis,
            mode,
            denominator: row.denominator,
            gradient_element: None,
            weight_gradient: row.has_gradient() && setting.form != Form::None,
        };
        let factors = (0..setting.results()).map(|at| [0.5, -1.5, 2.0, 0.75][at]).collect();
        Self { rows, setting, mode, options, factors }
    }

    fn outcome(&self, result: usize) -> &Outcome {
        self.rows[result].outcome(self.mode)
    }

    /// Which of the three a value is, or 3 where it is another.
    fn which(&self, at: usize) -> usize {
        let columns = self.setting.place.columns(self.setting.length);
        columns.iter().position(|&column| column == at).unwrap_or(3)
    }

    /// With and without a gradient, where there is one; gives the number of calls.
    fn check(&self, engine: &dyn Engine) -> Result<usize, String> {
        let setting = self.setting;
        let (shape, columns) = (setting.shape(), setting.place.columns(setting.length));
        let values = Placed::each(shape, setting.element, |row, column| {
            let (result, at) = setting.place_of(row, column);
            let row = self.rows[result];
            match self.which(at) {
                3 => row.others.unwrap_or(f32::NAN),
                which => row.values[which],
            }
        });
        let weight = |result: usize, at: usize| match self.which(at) {
            3 => 0.0,
            which => self.rows[result].weights.map_or(f32::NAN, |weights| weights[which]),
        };
        let elements = Placed::each(shape, setting.weight_element, |row, column| {
            let (result, at) = setting.place_of(row, column);
            weight(result, at)
        });
        let along = spread(
            [weight(0, columns[0]), weight(0, columns[1]), weight(0, columns[2])],
            0.0,
            columns,
            setting.length,
        );
        let across = vec![weight(0, columns[0]); setting.results()];
        let weights = match (setting.form, setting.is_along_rows()) {
            (Form::None, _) => Weights::None,
            (Form::PerElement, _) => Weights::PerElement(elements.view()),
            (Form::Along, true) => Weights::PerColumn(&along),
            (Form::Along, false) => Weights::PerRow(&along),
            (Form::Across, true) => Weights::PerRow(&across),
            (Form::Across, false) => Weights::PerColumn(&across),
        };
        let has_gradient = self.rows[0].has_gradient();
        let mut calls = 0;
        if setting.without_gradient || !has_gradient {
            let out = engine.reduce(values.view(), weights, &self.options);
            let out = out.map_err(|error| error.to_string())?;
            self.check_values(&out).map_err(|problem| format!("without gradient: {problem}"))?;
            if out.gradient.is_some() || out.weight_gradient.is_some() {
                return Err("a gradient that nobody asked for".into());
            }
            calls += 1;
        }
        if has_gradient {
            let upstream = match self.factors[..] {
                [factor] => Upstream::Scalar(factor),
                ref factors => Upstream::PerRow(factors),
            };
            let out = engine.reduce_with_gradient(values.view(), weights, upstream, &self.options);
            let out = out.map_err(|error| error.to_string())?;
            self.check_values(&out)?;
            self.check_gradient(&out)?;
            self.check_weight_gradient(&out)?;
            calls += 1;
        }
        Ok(calls)
    }

    fn check_values(&self, out: &ReduceOutput) -> Result<(), String> {
        let statistic = self.options.statistic;
        let has_variance = matches!(statistic, Statistic::MeanAndVariance { .. });
        let is_mean = has_variance || statistic == Statistic::Mean;
        type Of = fn(&Outcome) -> Is;
        let outputs: [(_, _, _, Of); 4] = [
            ("value", true, Some(&out.values), |outcome| outcome.value),
            ("variance", has_variance, out.variance.as_ref(), |outcome| outcome.variance),
            ("denominator", is_mean, out.denominator.as_ref(), |outcome| outcome.denominator),
            ("sign", statistic == Statistic::LogSumExp, out.sign.as_ref(), |outcome| outcome.sign),
        ];
        for (name, is_there, found, of) in outputs {
            let Some(found) = found.filter(|found| found.len() == self.rows.len()) else {
                if is_there || found.is_some() {
                    return Err(format!("{name}: {found:?}"));
                }
                continue;
            };
            if !is_there {
                return Err(format!("{name}, which there is not: {found:?}"));
            }
            for (result, &found) in found.iter().enumerate() {
                let expected = number(of(self.outcome(result)));
                if !is_close(found, expected) {
                    return Err(format!("{name} {result} is {found:e}, expected {expected:e}"));
                }
            }
        }
        Ok(())
    }

    fn check_gradient(&self, out: &ReduceOutput) -> Result<(), String> {
        let shape = self.setting.shape().contiguous();
        let gradient = out.gradient.clone().ok_or("no gradient")?;
        if gradient.element() != self.setting.element || Some(gradient.len()) != shape.elements() {
            return Err(format!("a gradient of {} {:?}", gradient.len(), gradient.element()));
        }
        let gradient = gradient.into_f32();
        for row in 0..shape.rows {
            for column in 0..shape.classes {
                let (result, at) = self.setting.place_of(row, column);
                let factor = f64::from(self.factors[result]);
                let expected = factor * number(self.outcome(result).gradient[self.which(at)]);
                let found = gradient[shape.start_of(row) + column * shape.inner];
                let size = expected.abs().max(factor.abs());
                if !is_gradient(found, expected, size, self.setting.element) {
                    let place = format!("gradient [{row}, {column}]");
                    return Err(format!("{place} is {found:e}, expected {expected:e}"));
                }
            }
        }
        Ok(())
    }

    /// Of each value, or summed: over the results, or over a result's values.
    fn check_weight_gradient(&self, out: &ReduceOutput) -> Result<(), String> {
        let shape = self.setting.shape().contiguous();
        let count = match self.setting.form {
            Form::None => {
                return out.weight_gradient.is_none().then_some(()).ok_or("not none".into());
            }
            Form::PerElement => shape.rows * shape.classes,
            Form::Along => self.setting.length,
            Form::Across => self.rows.len(),
        };
        let found = out.weight_gradient.as_ref().ok_or("no gradient of weights")?;
        // What is expected, and how large its terms are.
        let mut sums = vec![(0.0, 0.0); count];
        for row in 0..shape.rows {
            for column in 0..shape.classes {
                let (result, at) = self.setting.place_of(row, column);
                let is = self.outcome(result).weight_gradient[self.which(at)];
                let expected = f64::from(self.factors[result]) * number(is);
                let sum: &mut (f64, f64) = &mut sums[match self.setting.form {
                    Form::Along => at,
                    Form::Across => result,
                    _ => shape.start_of(row) + column * shape.inner,
                }];
                *sum = (sum.0 + expected, sum.1 + expected.abs());
            }
        }
        if found.len() != count {
            return Err(format!("{} gradients of {count} weights", found.len()));
        }
        for (at, (&found, (expected, size))) in found.iter().zip(sums).enumerate() {
            if !is_sum(found, expected, size) {
                return Err(format!("weight gradient {at} is {found:e}, expected {expected:e}"));
            }
        }
        Ok(())
    }
}
