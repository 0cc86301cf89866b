//! Element-wise losses, piece by piece.

use crate::axis::Axis;
use crate::element::{Element, OwnedValues};
use crate::error::Result;
use crate::logits::Logits;
use crate::ops::UpstreamOperand;
use crate::ops::elementwise::WholeLoss;
use crate::ops::elementwise::pieces::PiecewiseLoss;
use crate::ops::elementwise::{
    Elementwise, ElementwiseLayout, ElementwiseLoss, ElementwiseOperands, ElementwiseOutput,
    ElementwisePass, ElementwisePlan, ElementwiseReduction, ElementwiseUpstream,
    ElementwiseUpstreamLayout,
};
use crate::ops::reduce::pieces::{Parts, PiecewiseReduction};
use crate::plan::Piece;
use crate::runtime::Gpu;
use crate::runtime::call::place_of_packed;
use crate::runtime::elementwise::{binary_counts, output};
use crate::runtime::readback::Waiting;
use crate::weights::{WeightLayout, Weights};

use super::cut::{Cut, Work};
use super::output::{MatrixOutput, zeroed, zeros};
use super::partials::{Partials, Pieces, Results, as_column, weights_as_column};
use super::pipeline::Pipeline;
use super::traffic::{Brought, Returned, Spread, Traffic, packed_weights};

/// An element-wise loss that goes in pieces.
pub(in crate::runtime) struct LossInPieces<'a> {
    gpu: &'a Gpu,
    host: Elementwise<'a>,
    upstream: Option<ElementwiseUpstream<'a>>,
    options: ElementwiseLoss,
    pieces: Pieces<PiecewiseLoss>,
    /// What watchers know as rows.
    rows: usize,
}

/// What passes over the batch write beside results.
#[derive(Default)]
struct Written {
    gradient: Option<OwnedValues>,
    variance_gradient: Option<OwnedValues>,
    counts: Option<[u64; 4]>,
}

/// The operands beside the input, as they are on the device.
struct Beside {
    target: Option<usize>,
    weights: Spread,
    positive_weights: Spread,
    variance: Spread,
    upstream: Spread,
}

/// Every matrix among the operands, the input first.
fn matrices<'a>(
    host: &Elementwise<'a>,
    upstream: Option<ElementwiseUpstream<'a>>,
) -> Vec<Logits<'a>> {
    let factors = upstream.map_or(Weights::None, |upstream| upstream.weights());
    let spread = [host.weights, host.positive_weights, host.variance, factors];
    let of_elements = spread.into_iter().filter_map(|weights| match weights {
        Weights::PerElement(weights) => Some(weights),
        _ => None,
    });
    [host.input].into_iter().chain(host.target).chain(of_elements).collect()
}

/// Where operands are cut whose rows or elements have results of their own.
fn cut_apart(
    gpu: &Gpu,
    host: &Elementwise<'_>,
    upstream: Option<ElementwiseUpstream<'_>>,
    options: &ElementwiseLoss,
) -> Option<Cut> {
    let is_unreduced = options.reduction == ElementwiseReduction::None;
    let factors = upstream.map_or(Weights::None, |upstream| upstream.weights());
    let spread = [host.weights, host.positive_weights, host.variance, factors];
    let is_of_elements = |each| matches!(each, &Weights::None | &Weights::PerElement(_));
    let has_blocks = host.input.shape().inner > 1;
    let may_be_flat = spread.iter().all(is_of_elements)
        && (is_unreduced || (has_blocks && !options.divides(host.weights.layout())));
    let work = Work { of_rows: !is_unreduced, may_be_flat, ..Work::default() };
    gpu.cut(&matrices(host, upstream), work)
}

impl Gpu {
    /// How an element-wise loss goes in pieces, if it does.
    pub(in crate::runtime) fn elementwise_in_pieces<'a>(
        &'a self,
        host: &Elementwise<'a>,
        upstream: Option<ElementwiseUpstream<'a>>,
        options: &ElementwiseLoss,
    ) -> Result<Option<LossInPieces<'a>>> {
        if !self.streaming().are_large(&matrices(host, upstream)) {
            return Ok(None);
        }
        let shape = host.input.shape();
        let element = options.gradient_element.unwrap_or(shape.element);
        let options = ElementwiseLoss { gradient_element: Some(element), ..*options };
        let made = |host, pieces| {
            let (gpu, rows) = (self, shape.rows);
            LossInPieces { gpu, host, upstream, options, pieces, rows }
        };
        let is_apart =
            options.reduction == ElementwiseReduction::None || options.axis == Axis::EachRow;
        if is_apart {
            let cut = cut_apart(self, host, upstream, &options);
            return Ok(cut.map(|cut| made(*host, Pieces::Apart(cut))));
        }
        let pass = pass_of(host, upstream.map(|upstream| upstream.layout()), element, false);
        let whole = options.piecewise(self.kernels(), &host.layout(), pass)?;
        let host = match whole.merging.is_single_run() {
            false => *host,
            true => Elementwise {
                input: as_column(host.input)?,
                target: host.target.map(as_column).transpose()?,
                weights: weights_as_column(shape, host.weights)?,
                positive_weights: weights_as_column(shape, host.positive_weights)?,
                variance: weights_as_column(shape, host.variance)?,
            },
        };
        let parts = whole.merging.parts(host.input.shape());
        Ok(parts.map(|parts| made(host, Pieces::Across(whole, parts))))
    }
}

/// The pass over packed operands, with a gradient where there is an upstream gradient.
fn pass_of(
    host: &Elementwise<'_>,
    upstream: Option<ElementwiseUpstreamLayout>,
    element: Element,
    is_backward: bool,
) -> ElementwisePass {
    let gradient = place_of_packed(host.input, Some(element));
    match upstream {
        None => ElementwisePass::Forward,
        Some(upstream) if is_backward => ElementwisePass::Backward { gradient, upstream },
        Some(upstream) => ElementwisePass::Fused { gradient, upstream },
    }
}

impl LossInPieces<'_> {
    /// Goes over the batch once; but over the weights first where gradients are divided by their
    /// sum, or twice over everything where the device cannot bind all that at a time.
    pub(in crate::runtime) async fn run(&self, waiting: Waiting) -> Result<ElementwiseOutput> {
        let (operation, options) = (self.options.function.name(), &self.options);
        let shape = self.host.input.shape();
        let element = options.gradient_element.unwrap_or(shape.element);
        let has_gradient = self.upstream.is_some();
        let wanted =
            |is_wanted: bool| is_wanted.then(|| zeros(operation, shape, element)).transpose();
        let mut written = Written {
            gradient: wanted(has_gradient)?,
            variance_gradient: wanted(
                has_gradient && self.host.layout().has_variance_of_elements(),
            )?,
            counts: options.threshold.map(|_| [0; 4]),
        };
        let (words, result_words) = match &self.pieces {
            Pieces::Apart(_) if options.reduction == ElementwiseReduction::None => {
                let mut words = zeroed(operation, shape.elements())?;
                let results = Results::OfElements(MatrixOutput::new(shape, &mut words));
                self.pass((results, None), &mut written, (0, 1), waiting).await?;
                (words, 1)
            }
            Pieces::Apart(_) => {
                let result_words = options.result_words(self.host.weights.layout());
                let count = shape.rows.checked_mul(result_words as usize);
                let mut words = zeroed(operation, count)?;
                let results = Results::OfRows(result_words, &mut words);
                self.pass((results, None), &mut written, (0, 1), waiting).await?;
                (words, result_words)
            }
            Pieces::Across(whole, parts) => {
                let mut partials = Partials::new(operation, *parts, shape.rows)?;
                let divides = has_gradient && options.divides(self.host.weights.layout());
                let results = Results::Partial(&mut partials);
                if let Some(denominators) = &whole.denominators {
                    let sums = self.sums_of_weights(denominators, *parts, waiting).await?;
                    let sums = self.gpu.upload(operation, "wgpu-loss sums of weights", &sums)?;
                    let results = (results, Some(&sums));
                    self.pass(results, &mut written, (1, 2), waiting).await?;
                } else if divides {
                    let mut counted = Written { counts: written.counts, ..Default::default() };
                    self.pass((results, None), &mut counted, (0, 2), waiting).await?;
                    written.counts = counted.counts;
                } else {
                    self.pass((results, None), &mut written, (0, 1), waiting).await?;
                }
                let words = partials.merge(self.gpu, operation, &whole.merging, waiting).await?;
                if divides && whole.denominators.is_none() {
                    let read = self.gpu.upload(operation, "wgpu-loss results", &words)?;
                    let counts = written.counts.take();
                    let results = (Results::Read(&read), None);
                    self.pass(results, &mut written, (1, 2), waiting).await?;
                    written.counts = counts;
                }
                (words, whole.merging.result_words())
            }
        };
        Ok(ElementwiseOutput {
            counts: written.counts.map(binary_counts),
            gradient: written.gradient,
            variance_gradient: written.variance_gradient,
            ..output(options, words, result_words)
        })
    }

    /// The sums of weights that gradients are divided by, from a pass over the weights alone.
    async fn sums_of_weights(
        &self,
        denominators: &PiecewiseReduction,
        parts: Parts,
        waiting: Waiting,
    ) -> Result<Vec<f32>> {
        let (gpu, host, operation) = (self.gpu, &self.host, self.options.function.name());
        let shape = host.input.shape();
        let mut partials = Partials::new(operation, parts.of(denominators), shape.rows)?;
        let traffic = Traffic::beside(host.input, self.pieces.cut());
        let mut traffic = traffic.reported_as(self.rows, (0, 2));
        let weights = traffic.bring_weights(gpu, operation, "wgpu-loss weights", host.weights)?;
        let results = Results::Partial(&mut partials).join(&mut traffic);
        let mut pipeline = Pipeline::of(gpu, operation, waiting, traffic)?;
        pipeline
            .run(0..shape.rows, |piece, buffers| {
                let operands = [weights.slice(&buffers), results.slice(&buffers)];
                let (kernels, layout) = (gpu.kernels(), self.packed(piece));
                let whole = self.whole_layout();
                let whole = self.as_piece(&whole, true, false);
                self.options.bind_weights_of_piece(kernels, &layout, whole, operands)
            })
            .await?;
        partials.merge(gpu, operation, denominators, waiting).await
    }

    /// One pass over the batch; with its results, sums of weights that were added up before.
    async fn pass(
        &self,
        (results, sums): (Results<'_>, Option<&wgpu::Buffer>),
        written: &mut Written,
        turn: (usize, usize),
        waiting: Waiting,
    ) -> Result<()> {
        let (gpu, host, operation) = (self.gpu, &self.host, self.options.function.name());
        let shape = host.input.shape();
        let is_backward = matches!(results, Results::Read(_));
        let has_gradient = written.gradient.is_some();
        let mut traffic = Traffic::new(host.input, self.pieces.cut()).reported_as(self.rows, turn);
        let upstream = self.upstream.filter(|_| has_gradient);
        let factors = upstream.map_or(Weights::None, |upstream| upstream.weights());
        let mut bring = |label, weights| traffic.bring_weights(gpu, operation, label, weights);
        let beside = Beside {
            weights: bring("wgpu-loss weights", host.weights)?,
            positive_weights: bring("wgpu-loss weights of positives", host.positive_weights)?,
            variance: bring("wgpu-loss variance", host.variance)?,
            upstream: bring("wgpu-loss upstream", factors)?,
            target: host.target.map(|target| traffic.bring(Brought::Matrix(target))),
        };
        let of_gradient = written.gradient.as_mut().map(|each| MatrixOutput::over(shape, each));
        let of_gradient = traffic.take_back(of_gradient.map(Returned::OverLogits));
        let results = results.join(&mut traffic);
        let of_variance =
            written.variance_gradient.as_mut().map(|each| MatrixOutput::over(shape, each));
        let of_variance = traffic.take_back(of_variance.map(Returned::Matrix));
        let of_counts = traffic.take_back(written.counts.as_mut().map(Returned::Counts));
        let mut pipeline = Pipeline::of(gpu, operation, waiting, traffic)?;
        pipeline
            .run(0..shape.rows, |piece, buffers| {
                let returned = |index: Option<usize>| buffers.returned(index?);
                let scalar = upstream.map_or(1.0, |upstream| upstream.scalar());
                let factors = beside.upstream.slice(&buffers);
                let sums = sums.map(|sums| sums.slice(..));
                self.plan_of(piece, &beside, has_gradient, is_backward)?.bind_piece(
                    &ElementwiseOperands {
                        target: beside.target.map(|index| buffers.brought(index)),
                        weights: beside.weights.slice(&buffers),
                        positive_weights: beside.positive_weights.slice(&buffers),
                        variance: beside.variance.slice(&buffers),
                        results: results.slice(&buffers),
                        counts: returned(of_counts),
                        gradient: returned(of_gradient),
                        variance_gradient: returned(of_variance),
                        upstream: factors
                            .map_or(UpstreamOperand::Scalar(scalar), UpstreamOperand::Buffer),
                        ..ElementwiseOperands::new(buffers.brought(0))
                    },
                    sums,
                )
            })
            .await
    }

    /// The forms of a piece's operands.
    fn packed(&self, piece: &Piece) -> ElementwiseLayout {
        let layout = self.host.layout();
        ElementwiseLayout {
            input: piece.packed(&layout.input),
            target: layout.target.map(|target| piece.packed(&target)),
            weights: packed_weights(layout.weights, piece),
            positive_weights: packed_weights(layout.positive_weights, piece),
            variance: packed_weights(layout.variance, piece),
        }
    }

    fn whole_layout(&self) -> ElementwiseLayout {
        self.pieces.whole().map_or_else(|| self.host.layout(), |whole| whole.layout)
    }

    /// What pieces are a part of, in a pass over a whole of this form.
    fn as_piece<'b>(
        &self,
        layout: &'b ElementwiseLayout,
        has_gradient: bool,
        is_backward: bool,
    ) -> WholeLoss<'b> {
        let element = self.options.gradient_element.unwrap_or(layout.input.element);
        let upstream = self.upstream.filter(|_| has_gradient).map(|upstream| upstream.layout());
        WholeLoss {
            layout,
            pass: pass_of(&self.host, upstream, element, is_backward),
            is_merged: self.pieces.whole().is_some(),
        }
    }

    fn plan_of(
        &self,
        piece: &Piece,
        beside: &Beside,
        has_gradient: bool,
        is_backward: bool,
    ) -> Result<ElementwisePlan> {
        let layout = self.packed(piece);
        let upstream = has_gradient.then(|| match beside.upstream.layout(piece) {
            WeightLayout::None => ElementwiseUpstreamLayout::Scalar,
            factors => ElementwiseUpstreamLayout::Buffer(factors),
        });
        let element = self.options.gradient_element.unwrap_or(layout.input.element);
        let pass = pass_of(&self.host, upstream, element, is_backward);
        let whole = self.whole_layout();
        let whole = self.as_piece(&whole, has_gradient, is_backward);
        self.options.plan_piece(self.gpu.kernels(), &layout, pass, whole)
    }
}
