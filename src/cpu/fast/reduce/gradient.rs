//! Gradients: of each value where it lies, of weights that several values share as a sum.

use super::derivative::{Derivative, Of};
use super::job::Job;
use super::operands::Operands;
use super::outputs::Outputs;
use super::sums::Sums;
use super::view::Orientation;
use crate::axis::Axis;
use crate::cpu::fast::convert::narrow;
use crate::cpu::fast::scratch::{Scratch, room, with_scratch};
use crate::cpu::fast::split::for_rows;
use crate::element::{Float, OwnedValues};
use crate::error::Result;
use crate::logits::Shape;
use crate::memory::{when, zeros};
use crate::ops::reduce::validate::OPERATION;
use crate::weights::WeightLayout;

/// The most values that are computed together.
const RUN: usize = 1 << 12;

/// With respect to the values, and to the weights where the options ask for it.
pub(super) fn evaluate<G: Float>(
    operands: &Operands<'_>,
    layout: WeightLayout,
    derivative: &Derivative<'_>,
) -> Result<(OwnedValues, Option<Vec<f32>>)> {
    let shape = operands.shape();
    let elements = shape.rows * shape.classes;
    let mut of_values = zeros::<G>(OPERATION, elements)?;
    let wants_weights = derivative.options.weight_gradient;
    let of_each = wants_weights && matches!(layout, WeightLayout::PerElement(_));
    let mut of_weights = when(of_each, || zeros::<f32>(OPERATION, elements))?;

    // As the results lie in memory.
    let orientation = if shape.inner <= 1 { Orientation::Rows } else { Orientation::Columns };
    let lines = operands.with_orientation(orientation);
    let results = (of_values.as_mut_slice(), of_weights.as_deref_mut());
    for_rows(0..elements, Shape::new(elements, 1), results, &|part, (of_values, of_weights)| {
        write(&lines, derivative, part.start, of_values, of_weights);
    });

    let sums = |axis: Axis, count: usize| {
        let mut sums = zeros(OPERATION, count)?;
        let operands = operands.with_derivative(derivative);
        let job = Job::new(&operands, derivative.options, axis);
        job.write::<Sums<false, false>>(Outputs::of_values(&mut sums))?;
        Ok(sums)
    };
    let of_weights = match layout {
        WeightLayout::PerRow if wants_weights => Some(sums(Axis::EachRow, shape.rows)?),
        WeightLayout::PerColumn if wants_weights => Some(sums(Axis::EachColumn, shape.classes)?),
        _ => of_weights,
    };
    Ok((G::owned(of_values), of_weights))
}

/// Values from one on, as they lie in a contiguous matrix.
fn write<G: Float>(
    lines: &Operands<'_>,
    derivative: &Derivative<'_>,
    start: usize,
    of_values: &mut [G],
    mut of_weights: Option<&mut [f32]>,
) {
    let Shape { classes, inner, .. } = lines.shape();
    let orientation = lines.values.orientation;
    with_scratch(|scratch| {
        let Scratch { logits: values_room, others: weights_room, gradient: results_room, .. } =
            scratch;
        let mut done = 0;
        while done < of_values.len() {
            let at = start + done;
            let (line, place, left) = match orientation {
                Orientation::Rows => (at / classes, at % classes, classes - at % classes),
                Orientation::Columns => {
                    let (block, in_block) = (at / (classes * inner), at % (classes * inner));
                    let (line, place) = (in_block / inner, in_block % inner);
                    (line, block * inner + place, inner - place)
                }
            };
            let count = left.min(of_values.len() - done).min(RUN);
            let places = place..place + count;
            let rooms = [&mut *values_room, &mut *weights_room];
            let tile = lines.plain_tile(line..line + 1, places.clone(), rooms);
            let (values, weights) = tile.line(0);
            let coefficients = derivative.of_line(orientation, line, places);
            let results = room(results_room, count);
            derivative.write(Of::Values, values, weights, coefficients, results);
            narrow(results, &mut of_values[done..done + count]);
            if let Some(of_weights) = &mut of_weights {
                let into = &mut of_weights[done..done + count];
                derivative.write(Of::Weights, values, weights, coefficients, into);
            }
            done += count;
        }
    });
}
