//! Reductions of rows, piece by piece.

use crate::ops::reduce::validate::OPERATION;
use crate::plan::Piece;
use crate::runtime::call::fused;
use crate::runtime::readback::Waiting;
use crate::{
    Axis, Gpu, Logits, OwnedValues, Reduce, ReduceOperands, ReducePlan, Result, Upstream,
    UpstreamOperand, Weights,
};

use super::cut::Cut;
use super::output::{MatrixOutput, zeroed, zeros};
use super::pipeline::Pipeline;
use super::traffic::{Brought, Returned, Spread, Traffic};

/// What came back of all rows.
pub(in crate::runtime) struct ReducedRows {
    /// [`ReducePlan::result_words`] of each row.
    pub(in crate::runtime) words: Vec<f32>,
    pub(in crate::runtime) result_words: u32,
    pub(in crate::runtime) gradient: Option<OwnedValues>,
    pub(in crate::runtime) weight_gradient: Option<Vec<f32>>,
}

impl Gpu {
    /// Where a reduction's values are cut, if they are: rows have results of their own, and nothing
    /// else is put together from several.
    pub(in crate::runtime) fn cut_of_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Option<Cut> {
        let sums_columns = upstream.is_some()
            && options.weight_gradient
            && matches!(weights, Weights::PerColumn(_));
        if options.axis != Axis::EachRow || sums_columns {
            return None;
        }
        let mut matrices = vec![values];
        if let Weights::PerElement(weights) = weights {
            matrices.push(weights);
        }
        self.cut(&matrices, true, false)
    }

    /// See [`cut_of_reduce`](Self::cut_of_reduce).
    pub(in crate::runtime) async fn stream_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
        cut: Cut,
        waiting: Waiting,
    ) -> Result<ReducedRows> {
        let shape = values.shape();
        let element = upstream.map(|_| options.gradient_element.unwrap_or(values.element()));
        let options = &Reduce { gradient_element: element, ..*options };
        let pass = fused(values, element, upstream);
        let mut gradient = element.map(|each| zeros(OPERATION, shape, each)).transpose()?;
        let weight_count = match weights {
            Weights::PerRow(weights) => Some(weights.len()),
            _ => shape.elements(),
        };
        let wants_weight_gradient = upstream.is_some() && options.weight_gradient;
        let mut weight_gradient =
            wants_weight_gradient.then(|| zeroed::<f32>(OPERATION, weight_count)).transpose()?;

        let mut traffic = Traffic::new(values, cut);
        let weights = traffic.bring_weights(self, OPERATION, "wgpu-loss weights", weights)?;
        let upstreams = match upstream {
            Some(Upstream::PerRow(factors)) => Some(traffic.bring(Brought::Column(factors))),
            _ => None,
        };
        let row = Piece::next(&shape, 0..shape.inner, shape.inner * shape.classes);
        let plan_of = |piece: &Piece, weights: &Spread| -> Result<ReducePlan> {
            options.plan(self.kernels(), piece.packed(&shape), weights.layout(piece), pass)
        };
        let result_words = plan_of(&row, &weights)?.result_words();
        let count = shape.rows.checked_mul(result_words as usize);
        let mut words = zeroed::<f32>(OPERATION, count)?;

        let gradient_output = gradient.as_mut().map(|each| MatrixOutput::over(shape, each));
        let place = traffic.take_back(gradient_output.map(Returned::OverLogits));
        let column = Returned::Column { words: result_words as usize, values: &mut words };
        let results = traffic.take_back(Some(column));
        let returned = weight_gradient.as_mut().map(|each| match weights.is_of_rows() {
            true => Returned::Column { words: 1, values: each },
            false => Returned::Matrix(MatrixOutput::new(shape, each)),
        });
        let of_weights = traffic.take_back(returned);
        let mut pipeline = Pipeline::of(self, OPERATION, waiting, traffic)?;
        pipeline
            .run(0..shape.rows, |piece, buffers| {
                let returned = |index: Option<usize>| buffers.returned(index?);
                let scalar = match upstream {
                    Some(Upstream::Scalar(scalar)) => UpstreamOperand::Scalar(scalar),
                    _ => UpstreamOperand::default(),
                };
                let column = |index| UpstreamOperand::Buffer(buffers.brought(index));
                plan_of(piece, &weights)?.bind(&ReduceOperands {
                    weights: weights.slice(&buffers),
                    results: returned(results),
                    gradient: returned(place),
                    weight_gradient: returned(of_weights),
                    upstream: upstreams.map_or(scalar, column),
                    ..ReduceOperands::new(buffers.brought(0))
                })
            })
            .await?;
        drop(pipeline);
        Ok(ReducedRows { words, result_words, gradient, weight_gradient })
    }
}
