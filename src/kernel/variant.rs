//! Every choice that makes one kernel differ from another.

use std::fmt;

use super::loss::{CustomModule, LossKind};
use super::record::{Record, Word};
use super::reduce::ReduceVariant;
use super::softmax_loss::SoftmaxLossVariant;
use crate::element::Element;

/// What is computed for each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `log sum_c exp(x_c)`.
    LogSumExp,
    /// Softmax cross-entropy.
    CrossEntropy,
    /// `exp(x - lse)` in the gradient's place.
    Softmax,
    /// `x - lse` in the gradient's place.
    LogSoftmax,
    /// The gradient of softmax, for an upstream gradient of every class.
    SoftmaxGradient,
    /// The gradient of log-softmax, likewise.
    LogSoftmaxGradient,
}

/// How a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Family {
    /// A lane a row, held in its registers, the rows of a workgroup staged in workgroup memory where
    /// they are packed. Of a tuning's entries alone: the kernel is one of [`Family::Team`] with
    /// [`Access::Tile`].
    Tile,
    /// Several rows a workgroup, each held in the registers of its lanes.
    Team,
    /// One row a workgroup, held in its registers.
    Resident,
    /// Rows too long to hold: block by block, and a second time for a gradient.
    Streamed,
    /// Rows cut into parts, each gone over by a team of its own: states of the parts, which another
    /// kernel merges, and a third that writes the gradient.
    Split,
    /// Backward from the state a forward saved: nothing to reduce, the row is read once.
    FromState,
    /// Log-probabilities: of each row only the target's is read.
    Gathered,
}

/// How the lanes of a row tell each other what they found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(from = "super::team_name::TeamName", into = "super::team_name::TeamName")
)]
pub enum Team {
    /// Not at all: one lane per row, or nothing to tell.
    Lane,
    /// Within a subgroup.
    Subgroup,
    /// Through workgroup memory.
    Workgroup,
    /// Within subgroups, then through workgroup memory; one row a workgroup.
    Subgroups {
        /// The device's least subgroup size, which bounds how many there are.
        smallest: u32,
    },
}

/// The numbers of a kernel. They are data, chosen per adapter class and number of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Geometry {
    /// Lanes that share a row; a power of two.
    pub lanes: u32,
    /// Rows of a workgroup.
    pub rows: u32,
    /// Vectors of four logits that each lane holds at a time.
    pub vectors: u32,
}

impl Geometry {
    /// Logits that the lanes of a row hold at a time.
    pub const fn held(&self) -> u64 {
        4 * self.lanes as u64 * self.vectors as u64
    }

    /// Invocations of a workgroup.
    pub const fn invocations(&self) -> u32 {
        self.lanes * self.rows
    }
}

/// How whatever has a value for each logit is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Four at a time: row starts, strides and the number of classes are multiples of four.
    Vector,
    /// One at a time, each lane four neighbours.
    Scalar,
    /// One at a time, neighbours by neighbouring lanes: `f32` whose number of classes is no multiple
    /// of four.
    Interleaved,
    /// One at a time, the classes of a row apart and rows side by side.
    Strided,
    /// In workgroup memory, which neighbouring lanes fill and empty side by side: packed rows.
    Tile,
}

/// What the logits go through before the softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transform {
    /// Nothing.
    None,
    /// A factor.
    Scale,
    /// A factor and a softcap.
    Softcap,
}

/// Where the gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GradientKind {
    /// Over the logits.
    InPlace,
    /// To a buffer of its own, as this type.
    Separate(Element),
}

/// Where the upstream gradient comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamKind {
    /// A number in the parameters.
    Scalar,
    /// A buffer.
    Buffer,
}

/// A gradient: where it goes, and what it is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GradientVariant {
    /// Where it goes.
    pub place: GradientKind,
    /// Where the upstream gradient comes from.
    pub upstream: UpstreamKind,
    /// It is divided by the batch's denominators, which an earlier dispatch computed.
    pub divides: bool,
    /// It is divided by the size of the batch, which is a parameter. Not beside `divides`.
    pub divides_by_size: bool,
}

/// What a row's softmax is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// A class.
    Class,
    /// A class, with label smoothing: every class has a term in the loss.
    SmoothedClass,
    /// Probabilities of this type.
    Probability(Element),
}

/// The options of cross-entropy that a kernel's text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// The target.
    pub target: TargetKind,
    /// There are class weights.
    pub class_weights: bool,
    /// There are row weights.
    pub row_weights: bool,
    /// Zero weights hide infinities.
    pub masked: bool,
    /// There is a z-loss.
    pub z_loss: bool,
}

impl Comparison {
    /// A target class and nothing else.
    pub const PLAIN: Self = Self {
        target: TargetKind::Class,
        class_weights: false,
        row_weights: false,
        masked: false,
        z_loss: false,
    };
}

/// What is kept of each row for a later kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// Nothing.
    None,
    /// `(m, r)`: 8 bytes.
    Pair,
    /// A [`PartialState`](crate::partial::PartialState) but for its argmax: 32 bytes.
    Sums,
    /// A whole [`PartialState`](crate::partial::PartialState), of a part of the classes.
    Partial,
    /// The same of a part of a row that is cut, as far as its results need it.
    Part {
        /// An argmax is looked for.
        argmax: bool,
        /// Classes before the target are counted.
        target_rank: bool,
        /// There is an entropy.
        entropy: bool,
        /// Ignored rows are read too.
        ignored_rows: bool,
    },
}

impl StateKind {
    /// Whether an argmax is part of it.
    pub(super) const fn has_argmax(self) -> bool {
        matches!(self, Self::Partial | Self::Part { argmax: true, .. })
    }

    /// Bytes of a row's state.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Pair => 8,
            Self::Sums | Self::Partial | Self::Part { .. } => 32,
        }
    }
}

/// A kernel that goes over rows of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowVariant {
    /// What is computed.
    pub operation: Operation,
    /// How a row is read.
    pub family: Family,
    /// How its lanes meet.
    pub team: Team,
    /// Lanes, rows, vectors.
    pub geometry: Geometry,
    /// How logits are addressed.
    pub access: Access,
    /// How logits are stored.
    pub element: Element,
    /// How an upstream gradient of every class is stored, where the operation has one.
    pub upstream_element: Element,
    /// What they go through first.
    pub transform: Transform,
    /// What they are compared with; unused but for cross-entropy.
    pub comparison: Comparison,
    /// The gradient, where there is one.
    pub gradient: Option<GradientVariant>,
    /// What is written of each row.
    pub record: Record,
    /// What is kept of each row, or read from it by [`Family::FromState`].
    pub state: StateKind,
    /// Rows are cut into parts.
    pub split: bool,
}

impl RowVariant {
    /// Whether every class has a term in the loss.
    pub const fn has_terms(&self) -> bool {
        matches!(self.operation, Operation::CrossEntropy)
            && !matches!(self.comparison.target, TargetKind::Class)
    }

    /// Whether rows of so many classes are read by [`Access::Interleaved`] where they are packed. It
    /// does not depend on where a row stands, and so do not its bits.
    pub const fn interleaves(&self, classes: usize) -> bool {
        matches!(self.element, Element::F32)
            && !classes.is_multiple_of(4)
            && self.geometry.lanes > 1
    }

    /// Whether the logits are held as they are stored, since the gradient depends on them.
    pub const fn keeps_stored(&self) -> bool {
        self.gradient.is_some()
            && (matches!(self.transform, Transform::Softcap)
                || matches!(self.operation, Operation::LogSoftmax))
    }

    /// The type of the matrix that has a value for each logit: probabilities, upstream gradient.
    pub const fn values_element(&self) -> Option<Element> {
        match (self.operation, self.comparison.target) {
            (Operation::CrossEntropy, TargetKind::Probability(element)) => Some(element),
            (Operation::SoftmaxGradient | Operation::LogSoftmaxGradient, _) => {
                Some(self.upstream_element)
            }
            _ => None,
        }
    }

    /// How the gradient is stored, where there is one.
    pub const fn gradient_element(&self) -> Option<Element> {
        match self.gradient {
            None => None,
            Some(GradientVariant { place: GradientKind::InPlace, .. }) => Some(self.element),
            Some(GradientVariant { place: GradientKind::Separate(element), .. }) => Some(element),
        }
    }

    /// Whether classes before the target are counted.
    pub const fn ranks_target(&self) -> bool {
        self.record.has(Word::TargetRank)
            || matches!(self.state, StateKind::Part { target_rank: true, .. })
    }

    /// Whether an argmax is looked for.
    pub const fn finds_argmax(&self) -> bool {
        self.record.has(Word::Argmax)
            || (self.record.has(Word::Correct) && !self.record.has(Word::TargetRank))
            || self.state.has_argmax()
    }

    /// Whether the logits are gone over for their state.
    const fn reduces(&self) -> bool {
        !matches!(self.family, Family::FromState | Family::Gathered)
    }

    /// Whether the softmax's entropy is computed.
    pub(super) const fn has_entropy(&self) -> bool {
        self.reduces()
            && (self.record.has(Word::Entropy)
                || matches!(self.state, StateKind::Partial | StateKind::Part { entropy: true, .. }))
    }

    /// Whether the lanes of a row have more to tell each other than its state.
    pub(super) const fn has_sums(&self) -> bool {
        let is_of_upstream =
            matches!(self.operation, Operation::SoftmaxGradient | Operation::LogSoftmaxGradient);
        self.reduces() && (self.has_terms() || self.has_entropy() || is_of_upstream)
    }

    /// Whether they look for the lowest of some numbers.
    pub(super) const fn finds_lowest(&self) -> bool {
        self.finds_argmax() || matches!(self.operation, Operation::SoftmaxGradient)
    }
}

/// A kernel that reduces over the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TotalsVariant {
    /// Which.
    pub kernel: TotalsKernel,
    /// Lanes of its workgroup.
    pub lanes: u32,
}

/// What the losses are reduced to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduced {
    /// Nothing: only correct rows are counted.
    Nothing,
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
}

/// The kernels that reduce over the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TotalsKernel {
    /// Of each tile of rows: how many count, their weights, the first invalid target.
    CountTiles {
        /// Targets are classes, not probabilities.
        classes: bool,
        /// There are class weights, and targets are classes.
        class_weights: bool,
        /// There are row weights.
        row_weights: bool,
    },
    /// The same of the batch: the denominators of the mean.
    CountFinish {
        /// There are weights.
        weighted: bool,
        /// There is a z-loss.
        z_loss: bool,
        /// The mean divides by the size of the batch, which is a parameter.
        by_size: bool,
    },
    /// Sums of the losses of each tile.
    SumTiles {
        /// The records they stand in.
        record: Record,
        /// Losses are summed.
        reduced: bool,
        /// There is a z-loss.
        z_loss: bool,
    },
    /// Those of the batch, divided by the denominators for the mean.
    SumFinish {
        /// Whether losses are summed, and what becomes of the sum.
        reduced: Reduced,
        /// There is a z-loss.
        z_loss: bool,
        /// Correct rows are counted.
        correct: bool,
        /// `0 / 0` is 0.
        masked: bool,
    },
}

/// A kernel that merges the states of each row's parts and closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MergeVariant {
    /// There is no more than log-sum-exp, and states are `(m, r)`.
    pub log_sum_exp: bool,
    /// Targets are classes, not probabilities.
    pub classes: bool,
    /// There are row weights.
    pub row_weights: bool,
    /// Zero weights hide infinities.
    pub masked: bool,
    /// There is a z-loss.
    pub z_loss: bool,
    /// What is written of each row.
    pub record: Record,
    /// What is kept of each row.
    pub state: StateKind,
    /// Lanes of its workgroup, one for each row.
    pub lanes: u32,
}

/// A kernel: everything that its source text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Over rows of logits.
    Rows(RowVariant),
    /// Over a batch.
    Totals(TotalsVariant),
    /// Over partial states.
    Merge(MergeVariant),
    /// Of a weighted reduction.
    Reduce(ReduceVariant),
    /// Of a relative of cross-entropy over rows of logits.
    SoftmaxLoss(SoftmaxLossVariant),
}

impl Variant {
    /// The loss module of a caller's that is linked.
    pub(crate) fn custom_module(&self) -> Option<CustomModule> {
        let term = match self {
            Self::Reduce(ReduceVariant::Runs(runs)) => runs.values.loss(),
            Self::Reduce(ReduceVariant::Columns(columns)) => columns.values.loss(),
            Self::Reduce(ReduceVariant::Losses(losses)) => Some(losses.term),
            _ => None,
        };
        match term?.kind {
            LossKind::Custom(custom) => Some(custom),
            _ => None,
        }
    }

    /// Whether the device must have subgroup operations.
    pub fn needs_subgroups(&self) -> bool {
        if let Self::Reduce(reduce) = self {
            return reduce.needs_subgroups();
        }
        if let Self::SoftmaxLoss(loss) = self {
            return matches!(loss.team, Team::Subgroup | Team::Subgroups { .. });
        }
        let Self::Rows(RowVariant {
            team: Team::Subgroup | Team::Subgroups { .. }, family, ..
        }) = self
        else {
            return false;
        };
        *family != Family::Gathered
    }
}

/// The label of modules and pipelines.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Totals(totals) => write!(f, "wgpu-loss {:?} x{}", totals.kernel, totals.lanes),
            Self::Rows(rows) => rows.fmt(f),
            Self::Merge(merge) => write!(f, "wgpu-loss {merge:?}"),
            Self::Reduce(reduce) => reduce.fmt(f),
            Self::SoftmaxLoss(loss) => loss.fmt(f),
        }
    }
}

impl fmt::Display for GradientVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, upstream, divides, divides_by_size } = self;
        write!(f, "gradient {place:?} upstream {upstream:?}")?;
        match (divides, divides_by_size) {
            (true, _) => write!(f, " mean"),
            (_, true) => write!(f, " mean by size"),
            (false, false) => Ok(()),
        }
    }
}

impl fmt::Display for RowVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Geometry { lanes, rows, vectors } = self.geometry;
        write!(
            f,
            "wgpu-loss {:?} {:?} {:?} {lanes}x{rows}x{vectors} {:?} {}",
            self.operation,
            self.family,
            self.team,
            self.access,
            self.element.name()
        )?;
        if self.transform != Transform::None {
            write!(f, " {:?}", self.transform)?;
        }
        if self.operation == Operation::CrossEntropy {
            let Comparison { target, class_weights, row_weights, masked, z_loss } = self.comparison;
            write!(f, " {target:?}")?;
            for (wanted, name) in [
                (class_weights, "class weights"),
                (row_weights, "row weights"),
                (masked, "masked"),
                (z_loss, "z-loss"),
            ] {
                if wanted {
                    write!(f, " {name}")?;
                }
            }
        }
        if let Some(gradient) = self.gradient {
            write!(f, " {gradient}")?;
        }
        for word in Word::ALL {
            if self.record.has(word) {
                write!(f, " {word:?}")?;
            }
        }
        if self.state != StateKind::None {
            write!(f, " state {:?}", self.state)?;
        }
        if self.split {
            write!(f, " in parts")?;
        }
        Ok(())
    }
}
