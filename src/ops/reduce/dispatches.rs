//! What the dispatches of a reduction bind, and what they are told.

use crate::error::Result;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{Along, ReduceOutputKind, ReduceVariant, ReducedValues, WeightsKind};
use crate::kernel::{Access, GradientKind, Variant};
use crate::ops::step::StepBuilder;
use crate::plan::reduce::{Boxed, BoxedOperand, Nest, Strides, Walk, boxes};

use super::merge::{bind_merges, scratch_partials};
use super::reduction::{Geometry, Reduction, Source, Sources, bind_range};
use super::validate::OPERATION;

impl Reduction {
    /// Adds the dispatches.
    pub(in crate::ops) fn bind(
        &self,
        builder: &mut StepBuilder<'_>,
        sources: &Sources,
        fixed: ReduceParameters,
    ) -> Result<()> {
        let kernels = builder.kernels().clone();
        let merges = self.merges(&kernels);
        let vectors = self.values.statistic.partial_vectors();
        let partials = match merges.first() {
            Some(_) => {
                Some(scratch_partials(builder, self.layout.results * self.partials, vectors)?)
            }
            None => None,
        };
        let output = partials.clone().unwrap_or_else(|| match self.is_piece {
            true => Source { slot: Slot::PartialResults, ..sources.results.clone() },
            false => sources.results.clone(),
        });
        if !self.is_empty() {
            self.bind_values(builder, sources, &output, fixed)?;
        }
        bind_merges(builder, merges, partials, &sources.results, fixed)
    }

    fn bind_values(
        &self,
        builder: &mut StepBuilder<'_>,
        sources: &Sources,
        output: &Source,
        fixed: ReduceParameters,
    ) -> Result<()> {
        let capabilities = *builder.kernels().capabilities();
        let offsets = [&sources.values, &sources.weights]
            .map(|source| source.as_ref().map_or(0, |source| source.offset));
        let operands = self.operands(sources, output);
        let list: Vec<_> = operands.iter().map(|(_, operand)| *operand).collect();
        if self.nest.places[2] > 0 {
            let access = self.access(offsets, &sources.others);
            for each in boxes(OPERATION, &capabilities, &self.nest, &list)? {
                let variant = self.variant(access, self.along(&each));
                self.dispatch(builder, &variant, &self.nest, &each, &operands, fixed)?;
            }
        }
        if self.tail > 0 {
            let length = self.nest.places[2];
            let variant = self.variant(Access::Scalar, Along::Parts);
            let nest = Nest { places: [1, 1, self.tail], ..self.nest };
            let mut operands = operands;
            for (_, operand) in &mut operands {
                // The run's last part, and the last of its partial results.
                operand.offset += match operand.per_unit[2] {
                    true => operand.strides[2] * length.div_ceil(self.nest.unit[2]),
                    false => operand.strides[2] * length,
                };
            }
            let each = Boxed { first: [0; 3], end: nest.places };
            self.dispatch(builder, &variant, &nest, &each, &operands, fixed)?;
        }
        Ok(())
    }

    /// Every operand, and where its elements are along the nest.
    fn operands<'a>(
        &self,
        sources: &'a Sources,
        output: &'a Source,
    ) -> Vec<(&'a Source, BoxedOperand)> {
        let of = |strides: Strides, bytes: u64, source: &Source| BoxedOperand {
            offset: source.offset,
            strides: [strides.outer, strides.inner, strides.step].map(|stride| stride * bytes),
            per_unit: [false; 3],
            bytes,
        };
        let element = self.values.element.bytes() as u64;
        let mut list = Vec::new();
        if let Some(values) = &sources.values {
            list.push((values, of(self.layout.values, element, values)));
        }
        if let Some(weights) = &sources.weights {
            let bytes = match self.values.weights {
                WeightsKind::Along(element) => element.bytes() as u64,
                WeightsKind::None | WeightsKind::OfRun => 4,
            };
            list.push((weights, of(self.layout.weights, bytes, weights)));
        }
        if let (Some(forward), Some(term)) = (&sources.forward, self.values.weight_gradient()) {
            let bytes = 4 * u64::from(term.of.forward().result_words());
            list.push((forward, of(self.layout.forward, bytes, forward)));
        }
        if let Some(upstream) = &sources.upstream {
            let strides = match sources.shares_upstream {
                true => Strides::default(),
                false => self.layout.forward,
            };
            list.push((upstream, of(strides, 4, upstream)));
        }
        let others = self.others.iter().zip(&sources.others);
        list.extend(others.map(|(other, source)| (source, other.boxed(source))));
        let bytes = record_bytes(&self.values, self.output_kind());
        let is_grouped = matches!(self.kernel, Geometry::Runs { is_grouped: true, .. });
        let per_unit = match self.layout.walk {
            Walk::Runs => [false, is_grouped, true],
            Walk::Columns => [false, true, false],
        };
        let strides = self.output.map(|number| number * bytes);
        list.push((output, BoxedOperand { offset: output.offset, strides, per_unit, bytes }));
        list
    }

    fn dispatch(
        &self,
        builder: &mut StepBuilder<'_>,
        variant: &ReduceVariant,
        nest: &Nest,
        each: &Boxed,
        operands: &[(&Source, BoxedOperand)],
        fixed: ReduceParameters,
    ) -> Result<()> {
        let layout = &self.layout;
        let mut parameters = ReduceParameters {
            values_outer: layout.values.outer as u32,
            values_inner: layout.values.inner as u32,
            weights_outer: layout.weights.outer as u32,
            weights_inner: layout.weights.inner as u32,
            weights_step: layout.weights.step as u32,
            result_outer: layout.forward.outer as u32,
            result_inner: layout.forward.inner as u32,
            result_step: layout.forward.step as u32,
            output_outer: self.output[0] as u32,
            ..fixed
        };
        match self.kernel {
            Geometry::Runs { rounds, .. } => {
                parameters.runs = each.places(1) as u32;
                parameters.units = each.units(nest, 1) as u32;
                parameters.parts = each.units(nest, 2) as u32;
                parameters.length = each.places(2) as u32;
                parameters.part_length = nest.unit[2] as u32;
                parameters.rounds = rounds as u32;
                parameters.output_inner = self.output[1] as u32;
                parameters.output_part = self.output[2] as u32;
            }
            Geometry::Columns { width, depth, .. } => {
                parameters.runs = u32::MAX; // pieces are those of segments
                parameters.parts = each.units(nest, 1) as u32;
                parameters.length = each.places(1) as u32;
                parameters.part_length = nest.unit[1] as u32;
                parameters.columns = each.places(2) as u32;
                parameters.units = each.units(nest, 2) as u32;
                parameters.width = width as u32;
                parameters.depth = depth as u32;
                parameters.output_part = self.output[1] as u32;
                parameters.output_inner = self.output[2] as u32;
            }
        }
        // In place, the gradient is where the values are.
        let in_place = self.values.loss().is_some_and(|loss| {
            loss.gradient.is_some_and(|gradient| gradient.place == GradientKind::InPlace)
        });
        let alignment = builder.kernels().capabilities().storage_alignment;
        let mut bound = Vec::with_capacity(operands.len());
        for (source, operand) in operands {
            let (start, end) = operand.range(nest, each);
            let slack = start % alignment;
            if let Some(other) = self.others.iter().find(|other| other.slot == source.slot) {
                other.tell(&mut parameters, slack);
                bound.push(bind_range(source, start - slack, end));
                continue;
            }
            match source.slot {
                Slot::Values => parameters.values_offset = (slack / operand.bytes) as u32,
                Slot::Weights => parameters.weights_offset = (slack / operand.bytes) as u32,
                Slot::ForwardResults => parameters.result_offset = (slack / 4) as u32,
                Slot::Upstream => parameters.upstream_offset = (slack / 4) as u32,
                Slot::PartialResults => parameters.output_offset = (slack / 16) as u32,
                _ => parameters.output_offset = (slack / 4) as u32,
            }
            bound.push(bind_range(source, start - slack, end));
        }
        if in_place {
            parameters.gradient_offset = parameters.values_offset;
            parameters.gradient_outer = parameters.values_outer;
            parameters.gradient_inner = parameters.values_inner;
        }
        let workgroups = each.workgroups(nest) as u32; // within the device's limit
        builder.dispatch(&Variant::Reduce(*variant), &parameters, workgroups, &bound)
    }
}

/// Bytes of what a kernel writes of each unit.
fn record_bytes(values: &ReducedValues, output: ReduceOutputKind) -> u64 {
    match output {
        ReduceOutputKind::Partial => 16 * u64::from(values.statistic.partial_vectors()),
        ReduceOutputKind::Result => 4 * u64::from(values.statistic.result_words()),
    }
}
