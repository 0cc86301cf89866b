//! Reductions, piece by piece.

use wgpu::Buffer;

use crate::axis::Axis;
use crate::element::OwnedValues;
use crate::error::Result;
use crate::logits::Logits;
use crate::ops::reduce::Wholes;
use crate::ops::reduce::pieces::{Parts, PiecewiseReduction};
use crate::ops::reduce::validate::OPERATION;
use crate::ops::reduce::{Reduce, ReduceOperands, ReducePlan};
use crate::ops::{Pass, UpstreamOperand};
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::call::fused;
use crate::runtime::readback::Waiting;
use crate::upstream::Upstream;
use crate::weights::Weights;

use super::cut::{Cut, Work};
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
    /// The gradient with respect to weights that rows share, which is a sum over all of them.
    of_weights: Option<(PiecewiseReduction, Parts)>,
    /// What watchers know as rows.
    rows: usize,
}

/// What a pass over the batch writes beside results.
#[derive(Default)]
struct Gradients {
    values: Option<OwnedValues>,
    weights: Option<Vec<f32>>,
    /// Of weights that rows share.
    weight_partials: Option<Partials>,
}

impl Gpu {
    /// How a reduction goes in pieces, if it does.
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
        let element = upstream.map(|_| options.gradient_element.unwrap_or(values.element()));
        let options = Reduce { gradient_element: element, ..*options };
        let (values, weights, pieces) = if options.axis == Axis::EachRow {
            let work = Work { of_rows: true, ..Work::default() };
            let Some(cut) = self.cut(&matrices, work) else { return Ok(None) };
            (values, weights, Pieces::Apart(cut))
        } else {
            let whole = options.piecewise(self.kernels(), shape, weights.layout())?;
            let (values, weights) = match whole.is_single_run() {
                true => (as_column(values)?, weights_as_column(shape, weights)?),
                false => (values, weights),
            };
            let Some(parts) = whole.parts(values.shape()) else { return Ok(None) };
            (values, weights, Pieces::Across(whole, parts))
        };
        let of_weights = match upstream {
            None => None,
            Some(upstream) => {
                let (form, source) = (weights.layout(), upstream.source());
                let (kernels, shape) = (self.kernels(), values.shape());
                options.piecewise_weight_gradient(kernels, shape, form, source)?
            }
        };
        let of_weights = match of_weights {
            None => None,
            Some(whole) => match whole.parts(values.shape()) {
                Some(parts) => Some((whole, parts)),
                None => return Ok(None),
            },
        };
        let (gpu, rows) = (self, shape.rows);
        Ok(Some(ReducedInPieces {
            gpu,
            values,
            weights,
            upstream,
            options,
            pieces,
            of_weights,
            rows,
        }))
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
            match &self.of_weights {
                Some((_, parts)) => {
                    let partials = Partials::new(OPERATION, *parts, shape.rows)?;
                    gradients.weight_partials = Some(partials);
                }
                None if self.options.weight_gradient => {
                    gradients.weights = Some(zeroed(OPERATION, count)?);
                }
                None => {}
            }
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
                let reads_results = self.options.gradient_reads_results();
                // Sums over all rows of two kinds are not cut in the same places.
                let waits = self.upstream.is_some() && (reads_results || self.of_weights.is_some());
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
                    let results = match reads_results {
                        true => Results::Read(&read),
                        false => Results::Unread,
                    };
                    self.pass(backward, results, &mut gradients, (1, 2), waiting).await?;
                }
                (words, whole.result_words())
            }
        };
        let Gradients { values: gradient, weights, weight_partials } = gradients;
        let weight_gradient = match (weight_partials, &self.of_weights) {
            (Some(partials), Some((whole, _))) => {
                Some(partials.merge(self.gpu, OPERATION, whole, waiting).await?)
            }
            _ => weights,
        };
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
        let mut traffic = Traffic::new(self.values, self.cut(pass)).reported_as(self.rows, turn);
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
        let of_each = gradients.weights.as_mut().map(|each| match weights.is_of_rows() {
            true => Returned::Column { words: 1, values: each },
            false => Returned::Matrix(MatrixOutput::new(shape, each)),
        });
        let of_weights = gradients.weight_partials.as_mut().map(Returned::Partials).or(of_each);
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

    /// Where a pass may cut the batch.
    fn cut(&self, pass: Pass) -> Cut {
        let of_weights = self.of_weights.as_ref().filter(|_| pass.gradient().is_some());
        match (of_weights, &self.pieces) {
            (None, pieces) => pieces.cut(),
            (Some((_, parts)), Pieces::Apart(cut)) => cut.and(Cut::from(*parts)),
            // Results across rows are there already.
            (Some((_, parts)), Pieces::Across(..)) => Cut::from(*parts),
        }
    }

    fn plan_of(&self, piece: &Piece, weights: &Spread, pass: Pass) -> Result<ReducePlan> {
        let (kernels, values) = (self.gpu.kernels(), piece.packed(&self.values.shape()));
        let of_rows = self.options.row_layout(self.values.shape(), self.weights.layout());
        let wholes = Wholes {
            // Pieces lie closer together than the whole.
            rows: self.pieces.whole().is_none().then_some(&of_rows),
            results: self.pieces.whole().map(PiecewiseReduction::layout),
            weight_gradient: self.of_weights.as_ref().map(|(whole, _)| whole.layout()),
        };
        self.options.plan_piece(kernels, values, weights.layout(piece), pass, wholes)
    }
}
