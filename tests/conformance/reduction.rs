//! Calls of reductions: the same weights in every form that they have.

use wgpu_loss::{Axis, Engine, Reduce, Result, Statistic, Upstream, Weights};

use super::call::{Outputs, widened};
use super::layout::Way;
use super::problem::{Matrix, Problem};

/// The options of a reduction, and a weight for each value where there are weights.
pub struct Reducing {
    pub options: Reduce,
    pub weights: Option<Matrix>,
}

/// How the weights are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightForm {
    /// As the case has them: a weight for each value, or none.
    Plain,
    PerRow,
    PerColumn,
}

impl Reducing {
    /// Every form that the weights have.
    pub fn forms(&self) -> Vec<WeightForm> {
        let mut forms = vec![WeightForm::Plain];
        if let Some(weights) = &self.weights {
            forms.extend(weights.of_rows().map(|_| WeightForm::PerRow));
            forms.extend(weights.of_columns().map(|_| WeightForm::PerColumn));
        }
        forms
    }
}

impl Matrix {
    /// The value of each row, where it is the same in all of the row; not of rows without values.
    fn of_rows(&self) -> Option<Vec<f32>> {
        let rows = || self.values.chunks(self.classes.max(1));
        let is_constant = |row: &[f32]| row.iter().all(|value| *value == row[0]);
        (!self.values.is_empty() && rows().all(is_constant))
            .then(|| rows().map(|row| row[0]).collect())
    }

    /// The value of each column, where it is the same in all of the column.
    fn of_columns(&self) -> Option<Vec<f32>> {
        let mut rows = self.values.chunks(self.classes.max(1));
        let first = rows.next()?;
        rows.all(|row| row == first).then(|| first.to_vec())
    }
}

/// Reduces, with the gradient where the way and the statistic have one.
///
/// # Errors
/// Where the engine refuses the call.
pub fn reduce(
    engine: &dyn Engine,
    problem: &Problem,
    reducing: &Reducing,
    way: Way,
) -> Result<Outputs> {
    let Problem { logits, upstream, .. } = problem;
    let placed = logits.place(way.layout);
    let view = way.layout.view(&placed, logits.rows, logits.classes)?;
    // Weights have a stride of their own.
    let apart = way.layout.with_gap(way.layout.gap * 2);
    let elements = reducing.weights.as_ref().map(|weights| weights.place(apart));
    let per_row = reducing.weights.as_ref().and_then(Matrix::of_rows).unwrap_or_default();
    let per_column = reducing.weights.as_ref().and_then(Matrix::of_columns).unwrap_or_default();
    let weights = match (way.weights, &elements) {
        (_, None) => Weights::None,
        (WeightForm::PerRow, _) => Weights::PerRow(&per_row),
        (WeightForm::PerColumn, _) => Weights::PerColumn(&per_column),
        (WeightForm::Plain, Some(elements)) => {
            Weights::PerElement(apart.view(elements, logits.rows, logits.classes)?)
        }
    };
    let options = &reducing.options;
    let out = match way.gradient {
        false => engine.reduce(view, weights, options)?,
        true => {
            let upstream = match upstream.as_deref() {
                None => Upstream::Scalar(1.0),
                // The one result of all values takes one factor.
                Some([factor]) if options.axis == Axis::All => Upstream::Scalar(*factor),
                Some(factors) => Upstream::PerRow(factors),
            };
            engine.reduce_with_gradient(view, weights, upstream, options)?
        }
    };
    let mut outputs = Outputs::from([("out", widened(&out.values))]);
    if let Some(gradient) = out.gradient {
        outputs.insert("grad_x", logits.restore(way.layout, gradient.into_f32()));
    }
    if options.statistic == Statistic::LogSumExp {
        outputs.insert("sign", widened(&out.sign.unwrap_or_default()));
    }
    Ok(outputs)
}
