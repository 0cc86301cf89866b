//! Every choice that makes one reduction kernel differ from another.

use std::fmt;

use crate::element::Element;
use crate::kernel::loss::{LossTerm, LossesVariant};
use crate::kernel::{Access, Geometry, GradientKind, Team, UpstreamKind};

/// What is computed, as kernels tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatisticKind {
    /// `sum w x`.
    Sum,
    /// `sum w x` divided by a number that is told.
    DividedSum,
    /// `sum w x^2`.
    SumOfSquares,
    /// `sum w x` divided by a number of values.
    CountedMean,
    /// `sum w x / sum w`.
    WeightedMean,
    /// `sum w`, by which gradients of such a mean are divided.
    SumOfWeights,
    /// The mean and the variance.
    MeanAndVariance,
    /// The largest value.
    Max,
    /// The smallest value.
    Min,
    /// `log abs(sum w exp(x))`.
    LogSumExp,
}

impl StatisticKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Sum,
        Self::DividedSum,
        Self::SumOfSquares,
        Self::CountedMean,
        Self::WeightedMean,
        Self::SumOfWeights,
        Self::MeanAndVariance,
        Self::Max,
        Self::Min,
        Self::LogSumExp,
    ];

    /// Vectors of four words that a partial result takes.
    pub const fn partial_vectors(self) -> u32 {
        match self {
            Self::WeightedMean | Self::MeanAndVariance | Self::LogSumExp => 2,
            _ => 1,
        }
    }

    /// Words of a result: the value; for means the denominator behind it, for mean and variance
    /// both before it; for log-sum-exp the sign, the maximum, and the sum relative to it. A sum of
    /// weights that gradients are divided by is followed by its 2^-64th part, which is finite where
    /// the sum is beyond the range of `f32`.
    pub const fn result_words(self) -> u32 {
        match self {
            Self::Sum | Self::DividedSum | Self::SumOfSquares | Self::Max | Self::Min => 1,
            Self::CountedMean | Self::SumOfWeights => 2,
            Self::WeightedMean | Self::MeanAndVariance => 3,
            Self::LogSumExp => 4,
        }
    }
}

/// Where the weights of a run's or a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightsKind {
    /// There are none.
    None,
    /// One weight for a whole run.
    OfRun,
    /// A weight for each value, stored as this type.
    Along(Element),
}

/// A value's part of the gradient with respect to its weight, which is summed in the value's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightGradientTerm {
    /// Of what.
    pub of: GradientOf,
    /// Where the upstream gradient comes from.
    pub upstream: UpstreamKind,
}

/// What a gradient is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GradientOf {
    /// The sum.
    Sum,
    /// The mean over a number of values, or by the sum of the weights.
    Mean {
        /// Over a number.
        counted: bool,
    },
    /// Log-sum-exp.
    LogSumExp,
}

impl GradientOf {
    /// The forward whose results it needs.
    pub const fn forward(self) -> StatisticKind {
        match self {
            Self::Sum => StatisticKind::Sum,
            Self::Mean { counted: true } => StatisticKind::CountedMean,
            Self::Mean { counted: false } => StatisticKind::WeightedMean,
            Self::LogSumExp => StatisticKind::LogSumExp,
        }
    }
}

/// What goes into a reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReducedValues {
    /// What is computed.
    pub statistic: StatisticKind,
    /// How values are stored.
    pub element: Element,
    /// Where their weights are.
    pub weights: WeightsKind,
    /// Weights of 0 leave values out.
    pub masked: bool,
    /// Not the values are reduced, but what becomes of them.
    pub term: Option<ReducedTerm>,
}

/// What becomes of values before they are reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReducedTerm {
    /// What their weights' gradients are sums of.
    WeightGradient(WeightGradientTerm),
    /// Their losses.
    Loss(LossTerm),
    /// Their weights alone: the values are not read.
    Weight,
}

impl ReducedValues {
    /// Whether the statistic sees weights.
    pub const fn is_weighted(&self) -> bool {
        !matches!(self.weights, WeightsKind::None)
            && !matches!(self.term, Some(ReducedTerm::WeightGradient(_) | ReducedTerm::Weight))
    }

    /// Whether the values themselves are read.
    pub const fn reads_values(&self) -> bool {
        !matches!(self.term, Some(ReducedTerm::Weight))
    }

    /// The same for kernels, to which values that they do not read are all alike.
    pub(crate) fn as_read(self) -> Self {
        let element = if self.reads_values() { self.element } else { Element::F32 };
        Self { element, ..self }
    }

    /// The gradient with respect to weights, if that is what is reduced.
    pub const fn weight_gradient(&self) -> Option<WeightGradientTerm> {
        match self.term {
            Some(ReducedTerm::WeightGradient(term)) => Some(term),
            Some(ReducedTerm::Loss(_) | ReducedTerm::Weight) | None => None,
        }
    }

    /// The loss, if that is what is reduced.
    pub const fn loss(&self) -> Option<LossTerm> {
        match self.term {
            Some(ReducedTerm::Loss(term)) => Some(term),
            Some(ReducedTerm::WeightGradient(_) | ReducedTerm::Weight) | None => None,
        }
    }
}

/// What a kernel writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceOutputKind {
    /// Partial results, for another kernel to merge.
    Partial,
    /// Results.
    Result,
}

/// What tells the workgroups of a dispatch over runs apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Along {
    /// The part of the only run.
    Parts,
    /// The runs, all along one axis.
    Units,
    /// All of it.
    Both,
}

/// A kernel over runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunsVariant {
    /// What goes in.
    pub values: ReducedValues,
    /// How values and weights are addressed.
    pub access: Access,
    /// How lanes meet.
    pub team: Team,
    /// Lanes of a run, runs of a workgroup, vectors a lane reads at a time.
    pub geometry: Geometry,
    /// All runs of a workgroup make up one result.
    pub is_grouped: bool,
    /// What tells workgroups apart.
    pub along: Along,
    /// What it writes.
    pub output: ReduceOutputKind,
}

/// Where a kernel over columns finds its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowsOf {
    /// Parts of all rows.
    Parts,
    /// Pieces of segments that are told by offsets.
    Segments,
    /// The same of rows that were sorted.
    SortedSegments,
}

/// A kernel over columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnsVariant {
    /// What goes in.
    pub values: ReducedValues,
    /// Which rows.
    pub rows: RowsOf,
    /// Invocations of a workgroup.
    pub lanes: u32,
    /// Fours of values a lane reads at a time.
    pub vectors: u32,
    /// Each column has one lane.
    pub is_shallow: bool,
    /// What it writes.
    pub output: ReduceOutputKind,
}

/// Which partial results make up a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergeRange {
    /// As many of each.
    Parts,
    /// The pieces of a segment.
    Pieces,
}

/// A kernel that merges partial results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MergedVariant {
    /// What is computed.
    pub statistic: StatisticKind,
    /// A mean over nothing is 0.
    pub masked: bool,
    /// Which.
    pub range: MergeRange,
    /// How lanes meet.
    pub team: Team,
    /// Lanes of a result, results of a workgroup.
    pub geometry: Geometry,
    /// What it writes.
    pub output: ReduceOutputKind,
}

/// A kernel that writes gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GradientsVariant {
    /// Of what.
    pub of: GradientOf,
    /// How values are stored.
    pub element: Element,
    /// Where their weights are.
    pub weights: WeightsKind,
    /// Weights of 0 leave values out.
    pub masked: bool,
    /// How values, weights and gradient are addressed.
    pub access: Access,
    /// Lanes of a run, runs of a workgroup.
    pub geometry: Geometry,
    /// Where the gradient with respect to the values goes.
    pub place: GradientKind,
    /// Each value's weight gets its gradient, too.
    pub weight_gradient: bool,
    /// Where the upstream gradient comes from.
    pub upstream: UpstreamKind,
}

impl GradientsVariant {
    /// Whether the values themselves are read.
    pub const fn reads_values(&self) -> bool {
        self.weight_gradient
            || matches!(self.of, GradientOf::LogSumExp)
            || matches!(self.place, GradientKind::InPlace)
    }

    /// Whether results of the forward are read.
    pub const fn reads_results(&self) -> bool {
        !matches!(self.of, GradientOf::Sum)
    }
}

/// A kernel that sorts rows by segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortKernel {
    /// How often each digit occurs in each tile.
    Count,
    /// Where each tile's first of a digit goes.
    Scan,
    /// Into the order of a digit; of rows that are sorted already, or not.
    Scatter {
        /// They are.
        sorted: bool,
    },
    /// Where segments start among the sorted.
    Bounds,
}

/// A kernel of a weighted reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceVariant {
    /// Over runs.
    Runs(RunsVariant),
    /// Over columns.
    Columns(ColumnsVariant),
    /// Over partial results.
    Merge(MergedVariant),
    /// Writes gradients.
    Gradients(GradientsVariant),
    /// Writes each element's loss, or its gradient.
    Losses(LossesVariant),
    /// Counts of positives and negatives start from 0.
    ClearCounts,
    /// Sorts rows.
    Sort {
        /// Which step.
        kernel: SortKernel,
        /// Lanes of a workgroup.
        lanes: u32,
    },
}

impl ReduceVariant {
    /// Invocations of a workgroup.
    pub const fn invocations(&self) -> u32 {
        match self {
            Self::Runs(runs) => runs.geometry.invocations(),
            Self::Columns(columns) => columns.lanes,
            Self::Merge(merge) => merge.geometry.invocations(),
            Self::Gradients(gradients) => gradients.geometry.invocations(),
            Self::Losses(losses) => losses.geometry.invocations(),
            Self::ClearCounts => 4,
            Self::Sort { lanes, .. } => *lanes,
        }
    }

    /// Whether the device must have subgroup operations.
    pub(in crate::kernel) fn needs_subgroups(&self) -> bool {
        let team = match self {
            Self::Runs(runs) => runs.team,
            Self::Merge(merge) => merge.team,
            Self::Columns(_)
            | Self::Gradients(_)
            | Self::Losses(_)
            | Self::ClearCounts
            | Self::Sort { .. } => Team::Lane,
        };
        team == Team::Subgroup
    }
}

impl fmt::Display for ReduceVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs(runs) => write!(f, "wgpu-loss reduce {runs:?}"),
            Self::Columns(columns) => write!(f, "wgpu-loss reduce {columns:?}"),
            Self::Merge(merge) => write!(f, "wgpu-loss reduce {merge:?}"),
            Self::Gradients(gradients) => write!(f, "wgpu-loss reduce {gradients:?}"),
            Self::Losses(losses) => write!(f, "wgpu-loss {losses:?}"),
            Self::ClearCounts => write!(f, "wgpu-loss clear counts"),
            Self::Sort { kernel, lanes } => write!(f, "wgpu-loss sort {kernel:?} x{lanes}"),
        }
    }
}
