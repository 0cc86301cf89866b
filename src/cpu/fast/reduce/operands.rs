//! Values and weights as tiles of lines.

use std::ops::Range;

use super::derivative::{Derivative, Of};
use super::tile::{Tile, TileWeights};
use super::view::{Orientation, View};
use crate::cpu::fast::scratch::{Scratch, room};
use crate::cpu::oracle::reduce::{Operands as Exact, Term};
use crate::logits::{Logits, Shape};
use crate::weights::Weights;

/// What is reduced.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) values: View<'a>,
    weights: Weights<'a>,
    /// Of every value, taken instead of the value itself, which then has weight 1.
    pub(super) derivative: Option<&'a Derivative<'a>>,
}

/// A matrix without gaps, with rows of one value side by side: memory can be walked along them.
fn side_by_side(matrix: Logits<'_>) -> Option<Logits<'_>> {
    let Shape { rows, classes, inner, row_stride, element } = matrix.shape();
    let is_column = classes == 1 && inner == 1 && row_stride == 1 && rows > 1;
    let shape = Shape::with_class_axis(1, 1, rows).with_element(element);
    if is_column { Logits::from_values(matrix.values(), shape).ok() } else { None }
}

impl<'a> Operands<'a> {
    /// With the rows in another order where one is given.
    pub(super) fn new(
        values: Logits<'a>,
        weights: Weights<'a>,
        order: Option<&'a [usize]>,
    ) -> Self {
        let (values, weights) = match (order, side_by_side(values), weights) {
            (None, Some(column), Weights::PerElement(weights)) => match side_by_side(weights) {
                Some(weights) => (column, Weights::PerElement(weights)),
                None => (values, Weights::PerElement(weights)),
            },
            (None, Some(column), _) => (column, weights),
            _ => (values, weights),
        };
        let orientation = Orientation::of(values.shape());
        let values = View { matrix: values, orientation, order };
        Self { values, weights, derivative: None }
    }

    /// The derivative of every value, to be summed.
    pub(super) fn with_derivative(self, derivative: &'a Derivative<'a>) -> Self {
        Self { derivative: Some(derivative), ..self }
    }

    pub(super) fn with_orientation(self, orientation: Orientation) -> Self {
        Self { values: View { orientation, ..self.values }, ..self }
    }

    pub(super) fn shape(&self) -> Shape {
        self.values.matrix.shape()
    }

    /// Rows, those of the order where there is one.
    pub(super) fn rows(&self) -> usize {
        self.values.order.map_or(self.shape().rows, <[usize]>::len)
    }

    pub(super) fn lines(&self) -> usize {
        match self.values.orientation {
            Orientation::Rows => self.rows(),
            Orientation::Columns => self.shape().classes,
        }
    }

    /// Values of a line.
    pub(super) fn length(&self) -> usize {
        match self.values.orientation {
            Orientation::Rows => self.shape().classes,
            Orientation::Columns => self.rows(),
        }
    }

    /// Values of a line that lie side by side.
    pub(super) fn contiguous(&self) -> usize {
        match self.values.orientation {
            Orientation::Columns if self.shape().inner > 1 => self.shape().inner,
            _ => self.length(),
        }
    }

    /// As the definition has them.
    pub(super) fn terms(
        &self,
        lines: Range<usize>,
        places: Range<usize>,
    ) -> impl Iterator<Item = Term> + Clone {
        let (view, weights) = (self.values, self.weights);
        let exact = Exact { values: view.matrix, weights };
        lines.flat_map(move |line| {
            places.clone().map(move |place| {
                let (row, class) = view.place(line, place);
                exact.term(row, class)
            })
        })
    }

    pub(super) fn tile<'b>(
        &self,
        lines: Range<usize>,
        places: Range<usize>,
        scratch: &'b mut Scratch,
    ) -> Tile<'b>
    where
        'a: 'b,
    {
        let Scratch { logits: of_values, others: of_weights, gradient: of_derivative, .. } =
            scratch;
        let tile = self.plain_tile(lines.clone(), places.clone(), [of_values, of_weights]);
        let Some(derivative) = self.derivative else { return tile };
        let into = room(of_derivative, tile.lines * tile.width);
        if tile.width > 0 {
            for (index, into) in into.chunks_exact_mut(tile.width).enumerate() {
                let (values, weights) = tile.line(index);
                let coefficients = derivative.of_line(
                    self.values.orientation,
                    lines.start + index,
                    places.clone(),
                );
                derivative.write(Of::Weights, values, weights, coefficients, into);
            }
        }
        Tile { values: into, stride: tile.width, weights: TileWeights::One, ..tile }
    }

    /// Values and weights themselves.
    pub(super) fn plain_tile<'b>(
        &self,
        lines: Range<usize>,
        places: Range<usize>,
        [of_values, of_weights]: [&'b mut Vec<f32>; 2],
    ) -> Tile<'b>
    where
        'a: 'b,
    {
        let (count, width) = (lines.len(), places.len());
        let of_rows = |weights: &'a [f32], rows: Range<usize>, scratch: &'b mut Vec<f32>| {
            let Some(order) = self.values.order else { return &weights[rows] };
            let into = room(scratch, rows.len());
            into.iter_mut().zip(&order[rows]).for_each(|(into, &row)| *into = weights[row]);
            &*into
        };
        let weights = match (self.weights, self.values.orientation) {
            (Weights::None, _) => TileWeights::One,
            (Weights::PerRow(weights), Orientation::Rows) => {
                TileWeights::PerLine(of_rows(weights, lines.clone(), of_weights))
            }
            (Weights::PerRow(weights), Orientation::Columns) => {
                TileWeights::PerPlace(of_rows(weights, places.clone(), of_weights))
            }
            (Weights::PerColumn(weights), Orientation::Rows) => {
                TileWeights::PerPlace(&weights[places.clone()])
            }
            (Weights::PerColumn(weights), Orientation::Columns) => {
                TileWeights::PerLine(&weights[lines.clone()])
            }
            (Weights::PerElement(matrix), _) => {
                let view = View { matrix, ..self.values };
                let (weights, stride) = view.read(lines.clone(), places.clone(), of_weights);
                TileWeights::PerValue(weights, stride)
            }
        };
        let (values, stride) = self.values.read(lines, places, of_values);
        Tile { values, stride, lines: count, width, weights }
    }
}
