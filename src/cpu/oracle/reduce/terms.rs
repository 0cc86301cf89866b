//! The values of a reduction, each with its weight.

use std::ops::Range;

use crate::element::for_each_element;
use crate::element::{Float, Values};
use crate::logits::Logits;
use crate::weights::Weights;

/// A value and its weight.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Term {
    pub(in crate::cpu) x: f64,
    pub(in crate::cpu) w: f64,
}

#[derive(Clone, Copy)]
pub(in crate::cpu) struct Operands<'a> {
    pub(in crate::cpu) values: Logits<'a>,
    pub(in crate::cpu) weights: Weights<'a>,
}

fn at(matrix: Logits<'_>, row: usize, class: usize) -> f64 {
    let shape = matrix.shape();
    let index = shape.start_of(row) + class * shape.inner;
    for_each_element!(Values, matrix.values(), values => values[index].widen().into())
}

impl<'a> Operands<'a> {
    pub(in crate::cpu) fn term(&self, row: usize, class: usize) -> Term {
        let w = match self.weights {
            Weights::None => 1.0,
            Weights::PerRow(weights) => weights[row].into(),
            Weights::PerColumn(weights) => weights[class].into(),
            Weights::PerElement(weights) => at(weights, row, class),
        };
        Term { x: at(self.values, row, class), w }
    }

    /// Those of some rows and classes.
    pub(in crate::cpu) fn terms(
        self,
        rows: impl Iterator<Item = usize> + Clone,
        classes: Range<usize>,
    ) -> impl Iterator<Item = Term> + Clone {
        rows.flat_map(move |row| classes.clone().map(move |class| self.term(row, class)))
    }
}
