//! The verb `plan` of element-wise losses.

use wgpu::BufferSlice;

use super::kinds::{DENOMINATOR_WORDS, Forms, WholeLoss};
use super::stages::Stages;
use super::validate;
use super::write::Writing;
use super::{ElementwiseLayout, ElementwisePass, ElementwiseUpstreamLayout};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::kernel::reduce::ReduceVariant;
use crate::logits::Shape;
use crate::ops::debug_view::DebugView;
use crate::ops::elementwise::{ElementwiseLoss, ElementwiseReduction, LossFunction};
use crate::ops::pass::{Pass, UpstreamOperand, UpstreamSource};
use crate::ops::reduce::countable;
use crate::ops::reduce::reduction::Reduction;
use crate::pipelines::Kernels;
use crate::weights::WeightLayout;

/// The caller's buffers for an [`ElementwisePlan`].
#[derive(Clone, Copy, Debug)]
pub struct ElementwiseOperands<'a> {
    /// The input, shaped and stored as planned. Overwritten by an in-place gradient.
    pub input: BufferSlice<'a>,
    /// The target, where the function has one.
    pub target: Option<BufferSlice<'a>>,
    /// Weights, where there are any: one `f32` for each row or column, or one of the planned type
    /// for each element.
    pub weights: Option<BufferSlice<'a>>,
    /// Weights of positives, likewise.
    pub positive_weights: Option<BufferSlice<'a>>,
    /// The variance, likewise.
    pub variance: Option<BufferSlice<'a>>,
    /// Results, [`ElementwisePlan::result_words`] words of each: written by forward and fused, read
    /// by the backward of a mean that is divided by the sum of its weights.
    pub results: Option<BufferSlice<'a>>,
    /// Four `u32`: true positives, false positives, true negatives and false negatives. For a
    /// forward or fused pass with a threshold.
    pub counts: Option<BufferSlice<'a>>,
    /// The gradient with respect to the input, for a [`GradientPlace`](crate::GradientPlace) of its own.
    pub gradient: Option<BufferSlice<'a>>,
    /// The gradient with respect to a variance of each element, contiguous.
    pub variance_gradient: Option<BufferSlice<'a>>,
    /// The upstream gradient, in the planned form.
    pub upstream: UpstreamOperand<'a>,
}

impl<'a> ElementwiseOperands<'a> {
    /// The input, and nothing else yet.
    pub fn new(input: BufferSlice<'a>) -> Self {
        Self {
            input,
            target: None,
            weights: None,
            positive_weights: None,
            variance: None,
            results: None,
            counts: None,
            gradient: None,
            variance_gradient: None,
            upstream: UpstreamOperand::default(),
        }
    }
}

/// An element-wise loss of one form, with its kernels chosen and compiled.
#[derive(Clone, Debug)]
pub struct ElementwisePlan {
    pub(super) kernels: Kernels,
    pub(super) options: ElementwiseLoss,
    pub(super) layout: ElementwiseLayout,
    /// That of everything, of which this may be a piece.
    pub(super) whole: ElementwiseLayout,
    pub(super) pass: ElementwisePass,
    pub(super) gradient: Shape,
    /// Adds up the weights that gradients are divided by.
    pub(super) denominators: Option<Reduction>,
    /// Puts losses together; may write gradients, too.
    pub(super) sum: Option<Reduction>,
    /// Writes each element's loss or gradient.
    pub(super) write: Option<Writing>,
}

impl ElementwiseLoss {
    /// Chooses and compiles the kernels for operands of this form.
    ///
    /// # Errors
    /// [`Error::Invalid`] for options out of range, operands that the function has not or lacks, of
    /// another shape than the input, or rows that overlap; [`Error::Wgsl`] where the module of a
    /// [`CustomLoss`](crate::CustomLoss) holds what some platform refuses; [`Error::Limit`] where the
    /// device is too small; [`Error::Device`] where it refuses a kernel, such as one of a loss of the
    /// caller's.
    pub fn plan(
        &self,
        kernels: &Kernels,
        layout: &ElementwiseLayout,
        pass: ElementwisePass,
    ) -> Result<ElementwisePlan> {
        self.plan_of(kernels, layout, pass, None)
    }

    pub(super) fn gradient_shape(
        &self,
        layout: &ElementwiseLayout,
        pass: ElementwisePass,
    ) -> Result<Shape> {
        match pass.gradient() {
            Some((gradient, _)) => Pass::Backward { gradient, upstream: UpstreamSource::Scalar }
                .gradient_shape(self.function.name(), layout.input, self.gradient_element),
            None => Ok(layout.input),
        }
    }

    /// The plan of everything, or of a piece of a whole.
    pub(super) fn plan_of(
        &self,
        kernels: &Kernels,
        layout: &ElementwiseLayout,
        pass: ElementwisePass,
        whole: Option<WholeLoss<'_>>,
    ) -> Result<ElementwisePlan> {
        let operation = self.function.name();
        validate::options(self, layout)?;
        countable(operation, layout.input)?;
        if self.threshold.is_some() && u32::try_from(layout.input.elements().unwrap_or(0)).is_err()
        {
            let found = format!("{} x {}", layout.input.rows, layout.input.classes);
            return Err(Error::invalid(
                operation,
                "elements to count",
                "at most 4294967295",
                found,
            ));
        }
        let weight_shapes =
            [layout.weights, layout.third()].into_iter().filter_map(|each| match each {
                WeightLayout::PerElement(shape) => Some(shape),
                _ => None,
            });
        for shape in layout.target.into_iter().chain(weight_shapes) {
            shape.validate(operation)?;
        }
        if let Some((_, upstream)) = pass.gradient()
            && let ElementwiseUpstreamLayout::Buffer(factors) = upstream
        {
            validate::upstream(self, layout.input, factors)?;
        }
        if let LossFunction::Custom(custom) = self.function {
            custom.validate()?;
        }
        let gradient = self.gradient_shape(layout, pass)?;
        let forms = Forms { layout, gradient, pass, whole };
        let Stages { denominators, sum, write } = self.stages(kernels, &forms)?;
        let plan = ElementwisePlan {
            kernels: kernels.clone(),
            options: *self,
            layout: *layout,
            whole: whole.map_or(*layout, |whole| *whole.layout),
            pass,
            gradient,
            denominators,
            sum,
            write,
        };
        for variant in plan.variants()? {
            let Shape { rows, classes, .. } = layout.input;
            log::debug!("{operation}: planned {variant} for {rows} x {classes}");
            kernels.pipeline(&Variant::Reduce(variant))?;
        }
        Ok(plan)
    }
}

impl ElementwisePlan {
    /// Number of results.
    pub fn results(&self) -> usize {
        self.options.results(self.layout.input)
    }

    /// Words of a result, `f32` each: the value, and behind a [weighted
    /// mean](ElementwiseReduction::WeightedMean) what it was divided by; of a sum of weights also its
    /// 2^-64th part, which is finite where the sum is beyond the range of `f32`.
    pub fn result_words(&self) -> u32 {
        self.options.result_words(self.layout.weights)
    }

    /// Whether the operands are read once; but weights whose sum must come first are read twice.
    pub fn is_one_read(&self) -> bool {
        self.sum.is_none() || self.write.is_none()
    }

    /// The least bytes that must move: every operand once, and what is written of each element.
    pub fn least_bytes(&self) -> u64 {
        let slots = [Slot::Values, Slot::Target, Slot::Weights, Slot::Third, Slot::Upstream];
        let is_unreduced = self.options.reduction == ElementwiseReduction::None;
        let written = match self.pass {
            ElementwisePass::Backward { .. } => false,
            _ => is_unreduced,
        };
        slots.into_iter().map(|slot| self.operand_bytes(slot)).sum::<u64>()
            + self.operand_bytes(Slot::Gradient)
            + self.operand_bytes(Slot::VarianceGradient)
            + if written { self.operand_bytes(Slot::Results) } else { 0 }
    }

    /// Bytes of an operand; 0 of one that the plan has not.
    pub(super) fn operand_bytes(&self, slot: Slot) -> u64 {
        let ElementwiseLayout { input, target, weights, .. } = self.layout;
        let elements = input.rows as u64 * input.classes as u64;
        let of = |element: Element| elements * element.bytes() as u64;
        let broadcast = |layout: WeightLayout| match layout {
            WeightLayout::None => 0,
            WeightLayout::PerRow => 4 * input.rows as u64,
            WeightLayout::PerColumn => 4 * input.classes as u64,
            WeightLayout::PerElement(shape) => of(shape.element),
        };
        let upstream = self.pass.gradient().map(|(_, upstream)| upstream);
        match slot {
            Slot::Values => of(input.element),
            Slot::Target => target.map_or(0, |target| of(target.element)),
            Slot::Weights => broadcast(weights),
            Slot::Third => broadcast(self.layout.third()),
            Slot::Upstream => match upstream {
                Some(ElementwiseUpstreamLayout::Buffer(WeightLayout::None)) => 4,
                Some(ElementwiseUpstreamLayout::Buffer(factors)) => broadcast(factors),
                _ => 0,
            },
            Slot::Gradient if upstream.is_some() => of(self.gradient.element),
            Slot::VarianceGradient if self.has_variance_gradient() => of(self.gradient.element),
            Slot::ForwardResults if self.write.is_none() => {
                4 * DENOMINATOR_WORDS * self.results() as u64
            }
            Slot::Results | Slot::ForwardResults => {
                4 * self.results() as u64 * u64::from(self.result_words())
            }
            Slot::PositiveCounts => 16,
            Slot::Partials | Slot::PartialResults => {
                self.sum.as_ref().map_or(0, Reduction::scratch_bytes)
            }
            _ => 0,
        }
    }

    /// The plan's pipelines, with what they are given.
    ///
    /// # Errors
    /// As [`ElementwiseLoss::plan`].
    pub fn debug_view(&self) -> Result<DebugView> {
        let mut view = DebugView::default();
        for variant in self.variants()? {
            view.push_reduce(&variant, &|slot| self.operand_bytes(slot));
        }
        Ok(view)
    }

    fn variants(&self) -> Result<Vec<ReduceVariant>> {
        let mut variants = Vec::new();
        for reduction in self.denominators.iter().chain(&self.sum) {
            variants.extend(reduction.variants(&self.kernels));
        }
        if let Some(write) = &self.write {
            variants.push(write.variant(&self.kernels, &[])?);
        }
        Ok(variants)
    }

    pub(super) fn has_variance_gradient(&self) -> bool {
        self.pass.gradient().is_some() && self.layout.has_variance_of_elements()
    }

    pub(super) fn counts(&self) -> bool {
        self.options.threshold.is_some() && !matches!(self.pass, ElementwisePass::Backward { .. })
    }
}
