//! The verbs `plan` and `bind` of weighted reductions.

use crate::axis::Axis;
use crate::element::Element;
use crate::error::{Error, Result};
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{
    ReduceVariant, ReducedTerm, ReducedValues, StatisticKind, WeightGradientTerm, WeightsKind,
};
use crate::kernel::{GradientKind, UpstreamKind, Variant};
use crate::logits::Shape;
use crate::ops::cross_entropy::Mode;
use crate::ops::debug_view::DebugView;
use crate::ops::operand::{Operand, Rows, if_wanted};
use crate::ops::pass::{GradientPlace, Pass, UpstreamOperand, UpstreamSource};
use crate::ops::reduce::Reduce;
use crate::ops::step::{Step, StepBuilder};
use crate::pipelines::Kernels;
use crate::plan::reduce::{ReduceLayout, gradient_layout, reduce_layout};
use crate::weights::WeightLayout;

use super::gradients::{GradientSources, Gradients};
use super::kernel_terms::{upstream_kind, weights_kind};
use super::operands::{ReduceOperands, weights_operand};
#[cfg(feature = "runtime")]
use super::pieces::PiecewiseReduction;
use super::reduction::{Reduction, Source, Sources};
use super::validate::{self, OPERATION};

/// What a piece is a part of.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wholes<'a> {
    /// How the rows of everything are gone through, where a piece has results of its own.
    pub(crate) rows: Option<&'a ReduceLayout>,
    /// How everything is gone through that a piece has partial results of.
    pub(crate) results: Option<&'a ReduceLayout>,
    /// The same of gradients with respect to weights that rows share.
    pub(crate) weight_gradient: Option<&'a ReduceLayout>,
}

impl<'a> Wholes<'a> {
    /// How everything is gone through.
    fn walked(&self) -> Option<&'a ReduceLayout> {
        self.results.or(self.rows)
    }
}

/// A reduction of one shape, with its kernels chosen and compiled.
#[derive(Clone, Debug)]
pub struct ReducePlan {
    kernels: Kernels,
    options: Reduce,
    values: Shape,
    weights: WeightLayout,
    gradient: Shape,
    pass: Pass,
    statistic: StatisticKind,
    forward: Option<Reduction>,
    gradients: Option<Gradients>,
    /// Sums of the gradients with respect to weights that rows or columns share.
    weight_gradient: Option<Reduction>,
}

impl Reduce {
    /// Chooses and compiles the kernels for values and weights of this form. A forward saves no
    /// state: a backward reads its results. With a fused pass the gradients follow the results in
    /// one step.
    ///
    /// # Errors
    /// [`Error::Invalid`] for weights of another shape, options out of range, overlapping rows, or a
    /// gradient of another statistic than sum, mean and log-sum-exp; [`Error::Limit`] where the
    /// device is too small; [`Error::Device`] where it refuses a kernel.
    pub fn plan(
        &self,
        kernels: &Kernels,
        values: Shape,
        weights: WeightLayout,
        pass: Pass,
    ) -> Result<ReducePlan> {
        self.plan_piece(kernels, values, weights, pass, Wholes::default())
    }

    /// The plan of a piece: what it has of a whole are partial results.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub(crate) fn plan_piece(
        &self,
        kernels: &Kernels,
        values: Shape,
        weights: WeightLayout,
        pass: Pass,
        wholes: Wholes<'_>,
    ) -> Result<ReducePlan> {
        let has_gradient = pass.gradient().is_some();
        check_shapes(values, weights)?;
        validate::options(self, values, weights, has_gradient)?;
        let gradient = pass.gradient_shape(OPERATION, values, self.gradient_element)?;
        let forward = match pass.is_backward() {
            true => None,
            false => {
                let (axis, whole) = (self.axis, wholes.walked());
                let layout = reduce_layout(values, axis, weights, axis, whole);
                let reduced = self.reduced(values, weights, &layout);
                let reduction = Reduction::new(kernels, layout, whole, reduced, Vec::new())?;
                let has_results = wholes.results.is_none();
                Some(if has_results { reduction.with_results() } else { reduction })
            }
        };
        let whole = wholes.walked();
        let gradients = pass.gradient().map(|(place, upstream)| {
            self.gradients(values, gradient, weights, (place, upstream), whole)
        });
        let weight_gradient = match pass.gradient() {
            Some((_, upstream)) => {
                self.weight_reduction(kernels, values, weights, upstream, wholes)?
            }
            None => None,
        };
        let plan = ReducePlan {
            kernels: kernels.clone(),
            options: *self,
            values,
            weights,
            gradient,
            pass,
            statistic: self.statistic_kind(weights),
            forward,
            gradients,
            weight_gradient,
        };
        for variant in plan.variants()? {
            log::debug!("{OPERATION}: planned {variant} for {} x {}", values.rows, values.classes);
            kernels.pipeline(&Variant::Reduce(variant))?;
        }
        Ok(plan)
    }

    fn gradients(
        &self,
        values: Shape,
        gradient: Shape,
        weights: WeightLayout,
        (place, upstream): (GradientPlace, UpstreamSource),
        whole: Option<&ReduceLayout>,
    ) -> Gradients {
        let layout = gradient_layout(values, gradient, self.axis, weights, whole);
        let weights_kind = match weights {
            WeightLayout::None => WeightsKind::None,
            WeightLayout::PerElement(shape) => WeightsKind::Along(shape.element),
            WeightLayout::PerRow | WeightLayout::PerColumn => match layout.weights.step {
                0 => WeightsKind::OfRun,
                _ => WeightsKind::Along(Element::F32),
            },
        };
        let is_per_element = matches!(weights, WeightLayout::PerElement(_));
        Gradients {
            of: self.gradient_of(weights),
            element: values.element,
            weights: weights_kind,
            masked: self.mode == Mode::Masked && weights != WeightLayout::None,
            place: match place {
                GradientPlace::InPlace => GradientKind::InPlace,
                _ => GradientKind::Separate(gradient.element),
            },
            weight_gradient: self.weight_gradient && is_per_element,
            upstream: upstream_kind(upstream),
            run_length: whole.map_or(layout.length, |whole| whole.length),
            layout,
        }
    }

    /// The sums of the gradients with respect to weights that rows or columns share.
    fn weight_reduction(
        &self,
        kernels: &Kernels,
        values: Shape,
        weights: WeightLayout,
        upstream: UpstreamSource,
        wholes: Wholes<'_>,
    ) -> Result<Option<Reduction>> {
        let axis = match weights {
            WeightLayout::PerRow if self.weight_gradient => Axis::EachRow,
            WeightLayout::PerColumn if self.weight_gradient => Axis::EachColumn,
            _ => return Ok(None),
        };
        let parts = wholes.weight_gradient;
        let walked = parts.or(wholes.walked());
        let layout = reduce_layout(values, axis, weights, self.axis, walked);
        let reduced = ReducedValues {
            statistic: StatisticKind::Sum,
            element: values.element,
            weights: weights_kind(weights, &layout),
            masked: self.mode == Mode::Masked,
            term: Some(ReducedTerm::WeightGradient(WeightGradientTerm {
                of: self.gradient_of(weights),
                upstream: upstream_kind(upstream),
            })),
        };
        let rows = wholes.rows.filter(|_| axis == Axis::EachRow);
        let reduction = Reduction::new(kernels, layout, parts.or(rows), reduced, Vec::new())?;
        Ok(Some(if parts.is_none() { reduction.with_results() } else { reduction }))
    }
}

// What a batch that comes in pieces needs.
#[cfg(feature = "runtime")]
impl Reduce {
    /// How a reduction of values and weights of this form goes in pieces.
    pub(crate) fn piecewise(
        &self,
        kernels: &Kernels,
        values: Shape,
        weights: WeightLayout,
    ) -> Result<PiecewiseReduction> {
        let layout = reduce_layout(values, self.axis, weights, self.axis, None);
        let reduced = self.reduced(values, weights, &layout);
        let whole = Reduction::new(kernels, layout, None, reduced, Vec::new())?;
        PiecewiseReduction::new(kernels, OPERATION, whole, self.parameters())
    }

    /// How the gradient with respect to weights that rows share goes in pieces, where there is one.
    pub(crate) fn piecewise_weight_gradient(
        &self,
        kernels: &Kernels,
        values: Shape,
        weights: WeightLayout,
        upstream: UpstreamSource,
    ) -> Result<Option<PiecewiseReduction>> {
        if weights != WeightLayout::PerColumn {
            return Ok(None);
        }
        let wholes = Wholes::default();
        let whole = self.weight_reduction(kernels, values, weights, upstream, wholes)?;
        let parameters = self.parameters();
        let of = |whole| PiecewiseReduction::new(kernels, OPERATION, whole, parameters);
        whole.map(of).transpose()
    }

    /// How the rows of values and weights of this form are gone through.
    pub(crate) fn row_layout(&self, values: Shape, weights: WeightLayout) -> ReduceLayout {
        reduce_layout(values, Axis::EachRow, weights, Axis::EachRow, None)
    }
}

/// Refuses rows that overlap, and more than kernels can count.
pub(super) fn check_shapes(values: Shape, weights: WeightLayout) -> Result<()> {
    values.validate(OPERATION)?;
    if let WeightLayout::PerElement(shape) = weights {
        shape.validate(OPERATION)?;
    }
    countable(OPERATION, values)
}

/// Refuses more than kernels can count.
pub(in crate::ops) fn countable(operation: &'static str, values: Shape) -> Result<()> {
    let most = u32::MAX as usize / 2;
    for (what, count) in [("rows", values.rows), ("columns", values.classes)] {
        if count >= most {
            return Err(Error::invalid(operation, what, format!("fewer than {most}"), count));
        }
    }
    Ok(())
}

impl ReducePlan {
    /// Number of results.
    pub fn results(&self) -> usize {
        self.options.axis.results(self.values)
    }

    /// Words of a result, `f32` each: the value; of a mean the denominator behind it, and behind a sum
    /// of weights its 2^-64th part, which is finite where the sum is not; of mean and variance the
    /// variance and then the denominator; of log-sum-exp the sign, a number that is no smaller than
    /// any value and the sum relative to it.
    pub fn result_words(&self) -> u32 {
        self.statistic.result_words()
    }

    fn variants(&self) -> Result<Vec<ReduceVariant>> {
        let mut variants = Vec::new();
        for reduction in self.forward.iter().chain(&self.weight_gradient) {
            variants.extend(reduction.variants(&self.kernels));
        }
        if let Some(gradients) = &self.gradients {
            variants.push(gradients.aligned(&self.kernels)?);
        }
        Ok(variants)
    }

    /// Checks the caller's buffers and binds them. A misaligned buffer may have a kernel compiled.
    ///
    /// # Errors
    /// [`Error::Invalid`] for buffers that are missing, unwanted, too small, misaligned, of another
    /// usage or that overlap; [`Error::Limit`] where a binding cannot hold what must be in one.
    pub fn bind(&self, operands: &ReduceOperands<'_>) -> Result<Step> {
        let mut builder = StepBuilder::new(&self.kernels, OPERATION);
        let (results, words) = (self.results(), self.result_words());
        let values =
            Operand::new(OPERATION, Slot::Values, operands.values, Rows::of_shape(&self.values))?;
        let weights = weights_operand(self.values, self.weights, operands.weights)?;
        let has_gradient = self.gradients.is_some();
        // A backward of the sum needs no results.
        let reads_results = self.options.gradient_reads_results();
        let has_results = self.forward.is_some() || reads_results;
        let rows_of = |reduction: &Option<Reduction>, results, words| {
            let partials = reduction.as_ref().and_then(Reduction::piece_results);
            let (count, words) = partials.unwrap_or((results, words));
            Rows::of_words(count, words)
        };
        let rows = rows_of(&self.forward, results, words);
        let results_operand =
            if_wanted(OPERATION, Slot::Results, operands.results, has_results, rows)?;
        let is_separate =
            has_gradient && !matches!(self.pass.gradient(), Some((GradientPlace::InPlace, _)));
        let rows = Rows::of_shape(&self.gradient);
        let gradient = if_wanted(OPERATION, Slot::Gradient, operands.gradient, is_separate, rows)?;
        let weight_count = match self.weights {
            WeightLayout::None => 0,
            WeightLayout::PerRow => self.values.rows,
            WeightLayout::PerColumn => self.values.classes,
            WeightLayout::PerElement(shape) => shape.rows * shape.classes,
        };
        let weight_gradient = if_wanted(
            OPERATION,
            Slot::WeightGradient,
            operands.weight_gradient,
            has_gradient && self.options.weight_gradient,
            rows_of(&self.weight_gradient, weight_count, 1),
        )?;
        let slice = match operands.upstream {
            UpstreamOperand::Scalar(_) => None,
            UpstreamOperand::Buffer(slice) => Some(slice),
        };
        let is_buffer =
            self.gradients.as_ref().is_some_and(|each| each.upstream == UpstreamKind::Buffer);
        let shares_upstream = self.pass.upstream_stride() == 0;
        let rows = match shares_upstream {
            true => Rows::shared(1, 4),
            false => Rows::of_one(results, 4),
        };
        let upstream = if_wanted(OPERATION, Slot::Upstream, slice, is_buffer, rows)?;

        let fixed = ReduceParameters {
            upstream: operands.upstream.scalar(),
            upstream_stride: self.pass.upstream_stride(),
            ..self.options.parameters()
        };
        let source = |operand: &Option<Operand>| operand.as_ref().map(Source::from);
        let forward_results = source(&results_operand)
            .filter(|_| reads_results)
            .map(|results| Source { slot: Slot::ForwardResults, ..results });
        if let (Some(forward), Some(results)) = (&self.forward, source(&results_operand)) {
            let sources = Sources {
                values: Some(Source::from(&values)),
                weights: source(&weights),
                forward: None,
                upstream: None,
                shares_upstream,
                results,
                others: Vec::new(),
            };
            forward.bind(&mut builder, &sources, fixed)?;
        }
        // Before the gradient may take the values' place.
        if let (Some(reduction), Some(gradient)) = (&self.weight_gradient, source(&weight_gradient))
        {
            let sources = Sources {
                values: Some(Source::from(&values)),
                weights: source(&weights),
                forward: forward_results.clone(),
                upstream: source(&upstream),
                shares_upstream,
                results: Source { slot: Slot::Results, ..gradient },
                others: Vec::new(),
            };
            reduction.bind(&mut builder, &sources, fixed)?;
        }
        if let Some(gradients) = &self.gradients {
            let sources = GradientSources {
                values: Source::from(&values),
                weights: source(&weights),
                forward: forward_results,
                upstream: source(&upstream),
                shares_upstream,
                gradient: source(&gradient),
                weight_gradient: source(&weight_gradient).filter(|_| gradients.weight_gradient),
            };
            gradients.bind(&mut builder, &sources, fixed)?;
        }
        builder.finish()
    }

    /// The plan's pipelines, with what they are given.
    ///
    /// # Errors
    /// As [`Reduce::plan`].
    pub fn debug_view(&self) -> Result<DebugView> {
        let mut view = DebugView::default();
        let values = self.value_bytes();
        let scratch: u64 =
            self.forward.iter().chain(&self.weight_gradient).map(Reduction::scratch_bytes).sum();
        let results = 4 * self.results() as u64 * u64::from(self.result_words());
        let gradient = self.gradient_bytes();
        for variant in self.variants()? {
            view.push_reduce(&variant, &|slot| match slot {
                Slot::Values => values,
                Slot::Weights => self.weight_bytes(),
                Slot::Gradient => gradient,
                Slot::Results | Slot::ForwardResults => results,
                Slot::WeightGradient => 4 * self.weight_bytes() / self.weight_element_bytes(),
                Slot::Upstream => 4 * self.pass.upstream_values(self.results()),
                Slot::Partials | Slot::PartialResults => scratch,
                _ => 0,
            });
        }
        Ok(view)
    }

    fn elements(&self) -> u64 {
        self.values.rows as u64 * self.values.classes as u64
    }

    fn value_bytes(&self) -> u64 {
        self.elements() * self.values.element.bytes() as u64
    }

    fn gradient_bytes(&self) -> u64 {
        match self.gradients {
            Some(_) => self.elements() * self.gradient.element.bytes() as u64,
            None => 0,
        }
    }

    fn weight_element_bytes(&self) -> u64 {
        match self.weights {
            WeightLayout::PerElement(shape) => shape.element.bytes() as u64,
            _ => 4,
        }
    }

    fn weight_bytes(&self) -> u64 {
        let count = match self.weights {
            WeightLayout::None => 0,
            WeightLayout::PerRow => self.values.rows as u64,
            WeightLayout::PerColumn => self.values.classes as u64,
            WeightLayout::PerElement(_) => self.elements(),
        };
        count * self.weight_element_bytes()
    }

    /// The least bytes that must move: values and weights once, and the gradients.
    pub fn least_bytes(&self) -> u64 {
        self.value_bytes() + self.weight_bytes() + self.gradient_bytes()
    }
}
