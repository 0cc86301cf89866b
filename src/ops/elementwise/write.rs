//! The dispatches that write each element's loss, its gradient or both.

use crate::element::Element;
use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::loss::{LossTerm, LossesVariant};
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{ReduceVariant, WeightsKind};
use crate::kernel::{Access, Geometry, GradientKind, Variant};
use crate::ops::reduce::others::Other;
use crate::ops::reduce::places::of_runs;
use crate::ops::reduce::reduction::{Source, bind_range};
use crate::ops::step::StepBuilder;
use crate::pipelines::Kernels;
use crate::plan::reduce::{Nest, ReduceLayout, boxes, run_geometry};

/// Losses or gradients that were planned.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    pub(super) term: LossTerm,
    pub(super) element: Element,
    pub(super) weights: WeightsKind,
    pub(super) masked: bool,
    pub(super) writes_losses: bool,
    pub(super) layout: ReduceLayout,
    /// Elements of the runs that the kernel is chosen for; of a piece, those of the whole.
    pub(super) run_length: u64,
    /// Every operand, the input first.
    pub(super) operands: Vec<Other>,
}

impl Writing {
    fn geometry(&self, kernels: &Kernels) -> Result<Geometry> {
        let entries = &kernels.tuning().reduce.gradients;
        Ok(run_geometry(kernels.capabilities(), entries, self.run_length, false)?.geometry)
    }

    /// The kernel of operands that start at these byte offsets; where none are told, aligned.
    pub(super) fn variant(&self, kernels: &Kernels, sources: &[Source]) -> Result<ReduceVariant> {
        let offset = |at: usize| sources.get(at).map_or(0, |source| source.offset);
        let mut operands = self.operands.iter().enumerate();
        let is_vector = self.layout.length.is_multiple_of(4)
            && operands.all(|(at, operand)| operand.is_whole(&self.layout, offset(at)));
        Ok(ReduceVariant::Losses(LossesVariant {
            term: self.term,
            element: self.element,
            weights: self.weights,
            masked: self.masked,
            access: if is_vector { Access::Vector } else { Access::Scalar },
            geometry: self.geometry(kernels)?,
            writes_losses: self.writes_losses,
        }))
    }

    /// Adds the dispatches; `sources` are those of the operands, in their order.
    pub(super) fn bind(
        &self,
        builder: &mut StepBuilder<'_>,
        sources: &[Source],
        fixed: ReduceParameters,
    ) -> Result<()> {
        let kernels = builder.kernels().clone();
        let capabilities = *kernels.capabilities();
        let layout = &self.layout;
        let geometry = self.geometry(&kernels)?;
        let variant = Variant::Reduce(self.variant(&kernels, sources)?);
        let part = kernels.tuning().reduce.part_length;
        let nest = Nest {
            places: [layout.outer, layout.inner, layout.length],
            unit: [1, geometry.rows.into(), part],
        };
        let boxed: Vec<_> =
            self.operands.iter().zip(sources).map(|(operand, at)| operand.boxed(at)).collect();
        let in_place =
            self.term.gradient.is_some_and(|gradient| gradient.place == GradientKind::InPlace);
        for each in boxes(builder.operation(), &capabilities, &nest, &boxed)? {
            let strides = [layout.values, layout.weights, layout.result];
            let mut parameters = of_runs((&each, &nest), strides, fixed);
            let mut bound = Vec::with_capacity(sources.len());
            for ((operand, source), boxed) in self.operands.iter().zip(sources).zip(&boxed) {
                let (start, end) = boxed.range(&nest, &each);
                let slack = start % capabilities.storage_alignment;
                match operand.slot {
                    Slot::Values => parameters.values_offset = (slack / operand.bytes) as u32,
                    Slot::Weights => parameters.weights_offset = (slack / operand.bytes) as u32,
                    _ => operand.tell(&mut parameters, slack),
                }
                bound.push(bind_range(source, start - slack, end));
            }
            if in_place {
                parameters.gradient_offset = parameters.values_offset;
                parameters.gradient_outer = parameters.values_outer;
                parameters.gradient_inner = parameters.values_inner;
            }
            let workgroups = each.workgroups(&nest) as u32; // within the device's limit
            builder.dispatch(&variant, &parameters, workgroups, &bound)?;
        }
        Ok(())
    }
}
