//! The verb `bind` of element-wise losses.

use wgpu::BufferSlice;

use super::kinds::{DENOMINATOR_WORDS, broadcast_rows};
use super::plan::{ElementwiseOperands, ElementwisePlan};
use super::{ElementwisePass, ElementwiseUpstreamLayout};
use crate::element::Element;
use crate::error::Result;
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::ReduceVariant;
use crate::ops::elementwise::ElementwiseReduction;
use crate::ops::operand::{Operand, Rows, if_wanted};
use crate::ops::pass::{GradientPlace, UpstreamOperand};
use crate::ops::reduce::reduction::{Reduction, Source, Sources, bind_range};
use crate::ops::step::{Step, StepBuilder};
use crate::weights::WeightLayout;

impl ElementwisePlan {
    /// Checks the caller's buffers and binds them. A misaligned buffer may have a kernel compiled.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for buffers that are missing, unwanted, too small,
    /// misaligned, of another usage or that overlap; [`Error::Limit`](crate::Error::Limit) where a
    /// binding cannot hold what must be in one.
    pub fn bind(&self, operands: &ElementwiseOperands<'_>) -> Result<Step> {
        self.bind_piece(operands, None)
    }

    /// The same of a piece; `sums`: of the weights of the whole, one for each of its results.
    pub(crate) fn bind_piece(
        &self,
        operands: &ElementwiseOperands<'_>,
        sums: Option<BufferSlice<'_>>,
    ) -> Result<Step> {
        let operation = self.options.function.name();
        let mut builder = StepBuilder::new(&self.kernels, operation);
        let mut sources = self.sources(operation, operands)?;
        let factor = match operands.upstream {
            UpstreamOperand::Scalar(factor) => factor,
            UpstreamOperand::Buffer(_) => 1.0,
        };
        let fixed = self.options.parameters(&self.whole, factor);
        if let (Some(reduction), Some(weights)) =
            (&self.denominators, find(&sources, Slot::Weights))
        {
            let denominators = self.add_weights(&mut builder, reduction, weights)?;
            sources.push(denominators);
        }
        if let Some(sums) = sums {
            let rows = Rows::of_words(self.results(), DENOMINATOR_WORDS as u32);
            let operand = Operand::new(operation, Slot::ForwardResults, sums, rows)?;
            sources.push(Source::from(&operand));
        }
        let of = |slot: Slot| find(&sources, slot);
        if self.counts()
            && let Some(counts) = of(Slot::PositiveCounts)
        {
            self.clear_counts(&mut builder, &counts)?;
        }
        if let (Some(reduction), Some(values), Some(results)) =
            (&self.sum, of(Slot::Values), of(Slot::Results))
        {
            let others = reduction.others().iter().filter_map(|other| of(other.slot)).collect();
            let sources = Sources {
                values: Some(values),
                weights: of(Slot::Weights),
                forward: None,
                upstream: None,
                shares_upstream: false,
                results,
                others,
            };
            reduction.bind(&mut builder, &sources, fixed)?;
        }
        if let Some(write) = &self.write {
            let found = write.operands.iter().filter_map(|operand| match operand.slot {
                // Behind the value of each result.
                Slot::ForwardResults => of(Slot::Results).map(|results| Source {
                    slot: Slot::ForwardResults,
                    offset: results.offset + 4,
                    ..results
                }),
                slot => of(slot),
            });
            write.bind(&mut builder, &found.collect::<Vec<_>>(), fixed)?;
        }
        builder.finish()
    }

    /// Adds up the weights of each result.
    fn add_weights(
        &self,
        builder: &mut StepBuilder<'_>,
        reduction: &Reduction,
        weights: Source,
    ) -> Result<Source> {
        let bytes = self.operand_bytes(Slot::ForwardResults).max(4);
        let buffer = builder.scratch("wgpu-loss sums of weights", bytes)?;
        let results = Source { slot: Slot::Results, buffer, offset: 0 };
        let of_weights = Sources::of_weights(weights, results.clone());
        reduction.bind(builder, &of_weights, ReduceParameters::default())?;
        Ok(Source { slot: Slot::ForwardResults, ..results })
    }

    fn clear_counts(&self, builder: &mut StepBuilder<'_>, counts: &Source) -> Result<()> {
        let slack = counts.offset % builder.kernels().capabilities().storage_alignment;
        let parameters =
            ReduceParameters { counts_offset: (slack / 4) as u32, ..Default::default() };
        let end = counts.offset + 16;
        let bound = bind_range(counts, counts.offset - slack, end);
        let variant = Variant::Reduce(ReduceVariant::ClearCounts);
        builder.dispatch(&variant, &parameters, 1, &[bound])
    }

    /// Every operand that the plan asks for, checked.
    fn sources(
        &self,
        operation: &'static str,
        operands: &ElementwiseOperands<'_>,
    ) -> Result<Vec<Source>> {
        let input = self.layout.input;
        let is_backward = matches!(self.pass, ElementwisePass::Backward { .. });
        let (place, upstream) = self.pass.gradient().unzip();
        let has_results = !is_backward || self.options.divides(self.layout.weights);
        let is_separate = place.is_some_and(|place| place != GradientPlace::InPlace);
        let factors = match upstream {
            Some(ElementwiseUpstreamLayout::Buffer(factors)) => Some(factors),
            _ => None,
        };
        let upstream = match operands.upstream {
            UpstreamOperand::Scalar(_) => None,
            UpstreamOperand::Buffer(slice) => Some(slice),
        };
        let results = match self.options.reduction {
            ElementwiseReduction::None => {
                Rows::of_shape(&input.contiguous().with_element(Element::F32))
            }
            _ => match self.sum.as_ref().and_then(Reduction::piece_results) {
                None => Rows::of_words(self.results(), self.result_words()),
                Some((partials, words)) => Rows::of_words(partials, words),
            },
        };
        let broadcast = |layout| broadcast_rows(input, layout);
        let wanted = |layout| layout != WeightLayout::None;
        let (weights, positives) = (self.layout.weights, self.layout.positive_weights);
        let variance = self.layout.variance;
        let list = [
            (Slot::Values, Some(operands.input), true, Rows::of_shape(&input)),
            (
                Slot::Target,
                operands.target,
                self.layout.target.is_some(),
                Rows::of_shape(&self.layout.target.unwrap_or(input)),
            ),
            (Slot::Weights, operands.weights, wanted(weights), broadcast(weights)),
            (
                Slot::PositiveWeights,
                operands.positive_weights,
                wanted(positives),
                broadcast(positives),
            ),
            (Slot::Variance, operands.variance, wanted(variance), broadcast(variance)),
            (Slot::Results, operands.results, has_results, results),
            (Slot::PositiveCounts, operands.counts, self.counts(), Rows::of_words(1, 4)),
            (Slot::Gradient, operands.gradient, is_separate, Rows::of_shape(&self.gradient)),
            (
                Slot::VarianceGradient,
                operands.variance_gradient,
                self.has_variance_gradient(),
                Rows::of_shape(&input.contiguous().with_element(self.gradient.element)),
            ),
            (
                Slot::Upstream,
                upstream,
                factors.is_some(),
                broadcast_rows(input, factors.unwrap_or_default()),
            ),
        ];
        let mut sources = Vec::new();
        for (slot, slice, is_wanted, rows) in list {
            let operand: Option<Operand> = if_wanted(operation, slot, slice, is_wanted, rows)?;
            let source = operand.as_ref().map(Source::from);
            // One binding of the kernels serves both.
            sources.extend(source.map(|source| match slot {
                Slot::PositiveWeights | Slot::Variance => Source { slot: Slot::Third, ..source },
                _ => source,
            }));
        }
        Ok(sources)
    }
}

fn find(sources: &[Source], slot: Slot) -> Option<Source> {
    sources.iter().find(|source| source.slot == slot).cloned()
}
