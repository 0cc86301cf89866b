//! The dispatches that write gradients, one value after the other.

use crate::element::Element;
use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{GradientOf, GradientsVariant, ReduceVariant, WeightsKind};
use crate::kernel::{Access, Geometry, GradientKind, UpstreamKind, Variant};
use crate::ops::step::StepBuilder;
use crate::pipelines::Kernels;
use crate::plan::reduce::{BoxedOperand, GradientLayout, Nest, Strides, boxes, run_geometry};

use super::places::of_runs;
use super::reduction::{Source, bind_range};
use super::validate::OPERATION;

/// Gradients that were planned.
#[derive(Clone, Debug)]
pub(super) struct Gradients {
    pub(super) of: GradientOf,
    pub(super) element: Element,
    pub(super) weights: WeightsKind,
    pub(super) masked: bool,
    pub(super) place: GradientKind,
    /// Each value's weight gets its gradient, too.
    pub(super) weight_gradient: bool,
    pub(super) upstream: UpstreamKind,
    pub(super) layout: GradientLayout,
    /// Values of the runs that the kernel is chosen for; of a piece, those of the whole.
    pub(super) run_length: u64,
}

/// What gradients are computed from, and where they go.
pub(super) struct GradientSources {
    pub(super) values: Source,
    pub(super) weights: Option<Source>,
    pub(super) forward: Option<Source>,
    pub(super) upstream: Option<Source>,
    /// All results share one upstream gradient.
    pub(super) shares_upstream: bool,
    pub(super) gradient: Option<Source>,
    pub(super) weight_gradient: Option<Source>,
}

impl Gradients {
    fn geometry(&self, kernels: &Kernels) -> Result<Geometry> {
        let entries = &kernels.tuning().reduce.gradients;
        Ok(run_geometry(kernels.capabilities(), entries, self.run_length, false)?.geometry)
    }

    fn variant(&self, kernels: &Kernels, access: Access) -> Result<ReduceVariant> {
        Ok(ReduceVariant::Gradients(GradientsVariant {
            of: self.of,
            element: self.element,
            weights: self.weights,
            masked: self.masked,
            access,
            geometry: self.geometry(kernels)?,
            place: self.place,
            weight_gradient: self.weight_gradient,
            upstream: self.upstream,
        }))
    }

    /// The kernel of aligned operands.
    pub(super) fn aligned(&self, kernels: &Kernels) -> Result<ReduceVariant> {
        self.variant(kernels, self.access([0; 3]))
    }

    fn gradient_element(&self) -> Element {
        match self.place {
            GradientKind::InPlace => self.element,
            GradientKind::Separate(element) => element,
        }
    }

    /// How values, weights and gradient that start at these byte offsets are addressed.
    fn access(&self, offsets: [u64; 3]) -> Access {
        let layout = &self.layout;
        let is_whole = |strides: Strides, offset: u64, element: Element| {
            let apart = |count: u64, stride: u64| count <= 1 || stride.is_multiple_of(4);
            offset.is_multiple_of(4 * element.bytes() as u64)
                && apart(layout.outer, strides.outer)
                && apart(layout.inner, strides.inner)
        };
        let weights = match self.weights {
            WeightsKind::Along(element) => is_whole(layout.weights, offsets[1], element),
            WeightsKind::None | WeightsKind::OfRun => true,
        };
        let is_vector = layout.length.is_multiple_of(4)
            && is_whole(layout.values, offsets[0], self.element)
            && is_whole(layout.gradient, offsets[2], self.gradient_element())
            && weights;
        if is_vector { Access::Vector } else { Access::Scalar }
    }

    /// Adds the dispatches.
    pub(super) fn bind(
        &self,
        builder: &mut StepBuilder<'_>,
        sources: &GradientSources,
        fixed: ReduceParameters,
    ) -> Result<()> {
        let kernels = builder.kernels().clone();
        let capabilities = *kernels.capabilities();
        let layout = &self.layout;
        let geometry = self.geometry(&kernels)?;
        let offset = |source: &Option<Source>| source.as_ref().map_or(0, |source| source.offset);
        let access = self.access([
            sources.values.offset,
            offset(&sources.weights),
            offset(&sources.gradient),
        ]);
        let variant = Variant::Reduce(self.variant(&kernels, access)?);
        let part = kernels.tuning().reduce.part_length;
        let nest = Nest {
            places: [layout.outer, layout.inner, layout.length],
            unit: [1, geometry.rows.into(), part],
        };
        let operands = self.operands(sources);
        let list: Vec<_> = operands.iter().map(|(_, operand)| *operand).collect();
        let alignment = capabilities.storage_alignment;
        for each in boxes(OPERATION, &capabilities, &nest, &list)? {
            let strides = [layout.values, layout.weights, layout.result];
            let mut parameters = ReduceParameters {
                gradient_outer: layout.gradient.outer as u32,
                gradient_inner: layout.gradient.inner as u32,
                weight_gradient_outer: layout.weight_gradient.outer as u32,
                weight_gradient_inner: layout.weight_gradient.inner as u32,
                ..of_runs((&each, &nest), strides, fixed)
            };
            let mut bound = Vec::with_capacity(operands.len());
            for (source, operand) in &operands {
                let (start, end) = operand.range(&nest, &each);
                let slack = start % alignment;
                let elements = (slack / operand.bytes) as u32;
                match source.slot {
                    Slot::Weights => parameters.weights_offset = elements,
                    Slot::Gradient => parameters.gradient_offset = elements,
                    Slot::WeightGradient => parameters.weight_gradient_offset = elements,
                    Slot::ForwardResults => parameters.result_offset = (slack / 4) as u32,
                    Slot::Upstream => parameters.upstream_offset = elements,
                    _ => parameters.values_offset = elements,
                }
                bound.push(bind_range(source, start - slack, end));
            }
            if self.place == GradientKind::InPlace {
                parameters.gradient_offset = parameters.values_offset;
            }
            let workgroups = each.workgroups(&nest) as u32; // within the device's limit
            builder.dispatch(&variant, &parameters, workgroups, &bound)?;
        }
        Ok(())
    }

    fn operands<'a>(&self, sources: &'a GradientSources) -> Vec<(&'a Source, BoxedOperand)> {
        let layout = &self.layout;
        let weights = match self.weights {
            WeightsKind::Along(element) => element.bytes(),
            WeightsKind::None | WeightsKind::OfRun => 4,
        };
        let words = 4 * self.of.forward().result_words() as usize;
        let upstream = match sources.shares_upstream {
            true => Strides::default(),
            false => layout.result,
        };
        let list = [
            (Some(&sources.values), layout.values, self.element.bytes()),
            (sources.weights.as_ref(), layout.weights, weights),
            (sources.gradient.as_ref(), layout.gradient, self.gradient_element().bytes()),
            (sources.weight_gradient.as_ref(), layout.weight_gradient, 4),
            (sources.forward.as_ref(), layout.result, words),
            (sources.upstream.as_ref(), upstream, 4),
        ];
        let operand = |(source, strides, bytes): (Option<&'a Source>, Strides, usize)| {
            let source = source?;
            let bytes = bytes as u64;
            let strides = [strides.outer, strides.inner, strides.step].map(|each| each * bytes);
            let offset = source.offset;
            Some((source, BoxedOperand { offset, strides, per_unit: [false; 3], bytes }))
        };
        list.into_iter().filter_map(operand).collect()
    }
}
