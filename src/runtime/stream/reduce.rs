//! Reductions, piece by piece.

use wgpu::Buffer;

use crate::ops::reduce::pieces::PiecewiseReduction;
use crate::ops::reduce::validate::OPERATION;
use crate::plan::Piece;
use crate::runtime::call::fused;
use crate::runtime::readback::Waiting;
use crate::{
    Axis, Gpu, Logits, OwnedValues, Pass, Reduce, ReduceOperands, ReducePlan, Result, Upstream,
    UpstreamOperand, Weights,
};

use super::output::{MatrixOutput, zeroed, zeros};
use super::partials::{Partials, Pieces, Results, as_column, weights_as_column};
use super::pipeline::Pipeline;
use super::traffic::{Returned, Spread, Traffic};

/// What came back.
pub(in crate::runtime) struct Reduced {
    /// [`ReducePlan::result_words`] of each result.
    pub(in crate::runtime) words: Vec<f32>,
    pub(in crate::runtime) result_words: u32,
    pub(in crate::runtime) gradient: Option<OwnedValues>,
    pub(in crate::runtime) weight_gradient: Option<Vec<f32>>,
}

/// A reduction that goes in pieces.
pub(in crate::runtime) struct ReducedInPieces<'a> {
    gpu: &'a Gpu,
    values: Logits<'a>,
    weights: Weights<'a>,
    upstream: Option<Upstream<'a>>,
    options: Reduce,
    pieces: Pieces<PiecewiseReduction>,
    /// What watchers know as rows.
    rows: usize,
}

/// What a pass over the batch writes beside results.
#[derive(Default)]
struct Gradients {
    values: Option<OwnedValues>,
    weights: Option<Vec<f32>>,
}

impl Gpu {
    /// How a reduction goes in pieces, if it does. A gradient with respect to weights that rows share
    /// is put together from all of them at once, as are results of a single block of rows.
    pub(in crate::runtime) fn reduce_in_pieces<'a>(
        &'a self,
        values: Logits<'a>,
        weights: Weights<'a>,
        upstream: Option<Upstream<'a>>,
        options: &Reduce,
    ) -> Result<Option<ReducedInPieces<'a>>> {
        let shape = values.shape();
        let mut matrices = vec![values];
        if let Weights::PerElement(weights) = weights {
            matrices.push(weights);
        }
        if !self.streaming().are_large(&matrices) {
            return Ok(None);
        }
        let sums_rows = upstream.is_some() && options.weight_gradient;
        let element = upstream.map(|_| options.gradient_element.unwrap_or(values.element()));
        let options = Reduce { gradient_element: element, ..*options };
        let made = |values, weights, pieces| {
            let (gpu, rows) = (self, shape.rows);
            Ok(Some(ReducedInPieces { gpu, values, weights, upstream, options, pieces, rows }))
        };
        if options.axis == Axis::EachRow {
            if sums_rows && matches!(weights, Weights::PerColumn(_)) {
                return Ok(None);
            }
            return match self.cut(&matrices, true, false) {
                Some(cut) => made(values, weights, Pieces::Apart(cut)),
                None => Ok(None),
            };
        }
        let whole = options.piecewise(self.kernels(), shape, weights.layout())?;
        let (values, weights) = match whole.is_single_run() {
            true => (as_column(values)?, weights_as_column(shape, weights)?),
            false => (values, weights),
        };
        if sums_rows && matches!(weights, Weights::PerColumn(_)) {
            return Ok(None);
        }
        match whole.parts(values.shape()) {
            Some(parts) => made(values, weights, Pieces::Across(whole, parts)),
            None => Ok(None),
        }
    }
}

impl ReducedInPieces<'_> {
    /// Goes over the batch: once, or twice where the gradient waits for the results.
    pub(in crate::runtime) async fn run(&self, waiting: Waiting) -> Result<Reduced> {
        let shape = self.values.shape();
        let mut gradients = Gradients::default();
        if self.upstream.is_some() {
            let element = self.options.gradient_element.unwrap_or(self.values.element());
            gradients.values = Some(zeros(OPERATION, shape, element)?);
            let count = match self.weights {
                Weights::PerRow(weights) => Some(weights.len()),
                _ => shape.elements(),
            };
            let weights = self.options.weight_gradient.then(|| zeroed(OPERATION, count));
            gradients.weights = weights.transpose()?;
        }
        let all = fused(self.values, self.options.gradient_element, self.upstream);
        let (words, result_words) = match &self.pieces {
            Pieces::Apart(_) => {
                let result_words = self.options.result_words(self.weights.layout());
                let count = shape.rows.checked_mul(result_words as usize);
                let mut words = zeroed::<f32>(OPERATION, count)?;
                let results = Results::OfRows(result_words, &mut words);
                self.pass(all, results, &mut gradients, (0, 1), waiting).await?;
                (words, result_words)
            }
            Pieces::Across(whole, parts) => {
                let mut partials = Partials::new(OPERATION, *parts, shape.rows)?;
                let waits = self.upstream.is_some() && self.options.gradient_reads_results();
                let results = Results::Partial(&mut partials);
                if waits {
                    let forward = Pass::Forward { save_state: false };
                    let none = &mut Gradients::default();
                    self.pass(forward, results, none, (0, 2), waiting).await?;
                } else {
                    self.pass(all, results, &mut gradients, (0, 1), waiting).await?;
                }
                let words = partials.merge(self.gpu, OPERATION, whole, waiting).await?;
                if let (true, Pass::Fused { gradient, upstream }) = (waits, all) {
                    let read: Buffer = self.gpu.upload(OPERATION, "wgpu-loss results", &words)?;
                    let backward = Pass::Backward { gradient, upstream };
                    let results = Results::Read(&read);
                    self.pass(backward, results, &mut gradients, (1, 2), waiting).await?;
                }
                (words, whole.result_words())
            }
        };
        let Gradients { values: gradient, weights: weight_gradient } = gradients;
        Ok(Reduced { words, result_words, gradient, weight_gradient })
    }

    /// The `turn`th of so many passes.
    async fn pass(
        &self,
        pass: Pass,
        results: Results<'_>,
        gradients: &mut Gradients,
        turn: (usize, usize),
        waiting: Waiting,
    ) -> Result<()> {
        let (gpu, shape) = (self.gpu, self.values.shape());
        let mut traffic = Traffic::new(self.values, self.pieces.cut()).reported_as(self.rows, turn);
        let weights = traffic.bring_weights(gpu, OPERATION, "wgpu-loss weights", self.weights)?;
        let upstream = self.upstream.filter(|_| pass.gradient().is_some());
        let scalar = match upstream {
            Some(Upstream::Scalar(scalar)) => UpstreamOperand::Scalar(scalar),
            _ => UpstreamOperand::default(),
        };
        // Results across rows have upstream gradients of their own.
        let upstream = match (upstream, self.pieces.whole()) {
            (Some(Upstream::PerRow(factors)), None) => Weights::PerRow(factors),
            (Some(Upstream::PerRow(factors)), Some(_)) => Weights::PerColumn(factors),
            _ => Weights::None,
        };
        let upstream = traffic.bring_weights(gpu, OPERATION, "wgpu-loss upstream", upstream)?;
        let gradient = gradients.values.as_mut().map(|each| MatrixOutput::over(shape, each));
        let place = traffic.take_back(gradient.map(Returned::OverLogits));
        let results = results.join(&mut traffic);
        let of_weights = gradients.weights.as_mut().map(|each| match weights.is_of_rows() {
            true => Returned::Column { words: 1, values: each },
            false => Returned::Matrix(MatrixOutput::new(shape, each)),
        });
        let of_weights = traffic.take_back(of_weights);
        let mut pipeline = Pipeline::of(gpu, OPERATION, waiting, traffic)?;
        pipeline
            .run(0..shape.rows, |piece, buffers| {
                let returned = |index: Option<usize>| buffers.returned(index?);
                let factors = upstream.slice(&buffers).map(UpstreamOperand::Buffer);
                self.plan_of(piece, &weights, pass)?.bind(&ReduceOperands {
                    weights: weights.slice(&buffers),
                    results: results.slice(&buffers),
                    gradient: returned(place),
                    weight_gradient: returned(of_weights),
                    upstream: factors.unwrap_or(scalar),
                    ..ReduceOperands::new(buffers.brought(0))
                })
            })
            .await
    }

    fn plan_of(&self, piece: &Piece, weights: &Spread, pass: Pass) -> Result<ReducePlan> {
        let (kernels, values) = (self.gpu.kernels(), piece.packed(&self.values.shape()));
        let weights = weights.layout(piece);
        match self.pieces.whole() {
            Some(whole) => self.options.plan_piece(kernels, values, weights, pass, whole),
            None => self.options.plan(kernels, values, weights, pass),
        }
    }
}
