//! What the options mean for kernels.

use crate::element::Element;
use crate::kernel::UpstreamKind;
use crate::kernel::parameters::ReduceParameters;
use crate::kernel::reduce::{GradientOf, ReducedValues, StatisticKind, WeightsKind};
use crate::logits::Shape;
use crate::ops::cross_entropy::Mode;
use crate::ops::pass::UpstreamSource;
use crate::ops::reduce::{Denominator, Reduce, Statistic};
use crate::plan::reduce::{ReduceLayout, Walk};
use crate::weights::WeightLayout;

/// Where a kernel finds the weights of the values it goes through.
pub(super) fn weights_kind(weights: WeightLayout, layout: &ReduceLayout) -> WeightsKind {
    match weights {
        WeightLayout::None => WeightsKind::None,
        WeightLayout::PerElement(shape) => WeightsKind::Along(shape.element),
        WeightLayout::PerRow | WeightLayout::PerColumn => {
            match layout.walk == Walk::Runs && layout.weights.step == 0 {
                true => WeightsKind::OfRun,
                false => WeightsKind::Along(Element::F32),
            }
        }
    }
}

impl Reduce {
    pub(super) fn statistic_kind(&self, weights: WeightLayout) -> StatisticKind {
        let is_weighted = weights != WeightLayout::None;
        match self.statistic {
            Statistic::Sum => StatisticKind::Sum,
            Statistic::Mean if is_weighted && self.denominator == Denominator::Weights => {
                StatisticKind::WeightedMean
            }
            Statistic::Mean => StatisticKind::CountedMean,
            Statistic::SumOfSquares => StatisticKind::SumOfSquares,
            Statistic::MeanAndVariance { .. } => StatisticKind::MeanAndVariance,
            Statistic::Max => StatisticKind::Max,
            Statistic::Min => StatisticKind::Min,
            Statistic::LogSumExp => StatisticKind::LogSumExp,
        }
    }

    /// Of the results that the forward leaves.
    pub(super) fn gradient_of(&self, weights: WeightLayout) -> GradientOf {
        match self.statistic {
            Statistic::Mean => GradientOf::Mean {
                counted: self.statistic_kind(weights) == StatisticKind::CountedMean,
            },
            Statistic::LogSumExp => GradientOf::LogSumExp,
            _ => GradientOf::Sum,
        }
    }

    /// What goes into the kernels. Whether zeros are masked is left out where it changes nothing.
    pub(super) fn reduced(
        &self,
        values: Shape,
        weights: WeightLayout,
        layout: &ReduceLayout,
    ) -> ReducedValues {
        let statistic = self.statistic_kind(weights);
        let is_masked = self.mode == Mode::Masked;
        let masked = match statistic {
            StatisticKind::Sum
            | StatisticKind::DividedSum
            | StatisticKind::SumOfWeights
            | StatisticKind::SumOfSquares => is_masked && weights != WeightLayout::None,
            StatisticKind::CountedMean
            | StatisticKind::WeightedMean
            | StatisticKind::MeanAndVariance => is_masked,
            StatisticKind::Max | StatisticKind::Min | StatisticKind::LogSumExp => false,
        };
        ReducedValues {
            statistic,
            element: values.element,
            weights: weights_kind(weights, layout),
            masked,
            term: None,
        }
    }

    /// What kernels are told whatever they do.
    pub(super) fn parameters(&self) -> ReduceParameters {
        let correction = match self.statistic {
            Statistic::MeanAndVariance { correction } => correction,
            _ => 0.0,
        };
        ReduceParameters { correction, ..Default::default() }
    }

    /// [`ReducePlan::result_words`](super::ReducePlan::result_words).
    #[cfg(feature = "runtime")]
    pub(crate) fn result_words(&self, weights: WeightLayout) -> u32 {
        self.statistic_kind(weights).result_words()
    }

    /// Whether a gradient reads the results of the forward.
    pub(crate) fn gradient_reads_results(&self) -> bool {
        matches!(self.statistic, Statistic::Mean | Statistic::LogSumExp)
    }
}

/// Where the upstream gradient comes from.
pub(super) fn upstream_kind(source: UpstreamSource) -> UpstreamKind {
    match source {
        UpstreamSource::Scalar => UpstreamKind::Scalar,
        _ => UpstreamKind::Buffer,
    }
}
