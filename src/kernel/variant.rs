//! Every choice that makes one kernel differ from another.

use std::fmt;

/// What is computed for each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `log sum_c exp(x_c)`.
    LogSumExp,
    /// Softmax cross-entropy against a target class.
    CrossEntropy,
}

/// How a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Several rows a workgroup, each held in the registers of its lanes.
    Team,
    /// One row a workgroup, held in its registers.
    Resident,
    /// Rows too long to hold: block by block, and a second time for a gradient.
    Streamed,
    /// Backward from the state a forward saved: nothing to reduce, the row is read once.
    FromState,
}

/// How the lanes of a row tell each other what they found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// How logits and gradient are addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Four at a time: row starts, strides and the number of classes are multiples of four.
    Vector,
    /// One at a time.
    Scalar,
}

/// Where the gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GradientKind {
    /// Over the logits.
    InPlace,
    /// To a buffer of its own.
    Separate,
}

/// Where the upstream gradient comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamKind {
    /// A number in the parameters.
    Scalar,
    /// A buffer.
    Buffer,
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
    /// The gradient and its upstream, where there is one.
    pub gradient: Option<(GradientKind, UpstreamKind)>,
    /// The gradient is divided by the batch's denominator.
    pub divides: bool,
    /// Each row's log-sum-exp is written.
    pub writes_log_sum_exp: bool,
    /// Each row's most likely class is written.
    pub writes_argmax: bool,
    /// Each row's state is written, for a later backward.
    pub saves_state: bool,
}

/// A kernel that reduces over the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TotalsVariant {
    /// Which.
    pub kernel: TotalsKernel,
    /// Lanes of its workgroup.
    pub lanes: u32,
}

/// The kernels that reduce over the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TotalsKernel {
    /// Counted rows and the first invalid target of each tile.
    CountTiles,
    /// The same of the batch: the denominator of the mean.
    CountFinish,
    /// Sum of the losses of each tile.
    SumTiles,
    /// Sum of the batch.
    SumFinish,
    /// Sum of the batch, divided by the denominator.
    MeanFinish,
}

/// A kernel: everything that its source text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Over rows of logits.
    Rows(RowVariant),
    /// Over a batch.
    Totals(TotalsVariant),
}

impl Variant {
    /// Whether the device must have subgroup operations.
    pub fn needs_subgroups(&self) -> bool {
        matches!(self, Self::Rows(RowVariant { team: Team::Subgroup | Team::Subgroups { .. }, .. }))
    }
}

/// The label of modules and pipelines.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Totals(totals) => write!(f, "wgpu-loss {:?} x{}", totals.kernel, totals.lanes),
            Self::Rows(rows) => {
                let Geometry { lanes, rows: slots, vectors } = rows.geometry;
                write!(
                    f,
                    "wgpu-loss {:?} {:?} {:?} {lanes}x{slots}x{vectors} {:?}",
                    rows.operation, rows.family, rows.team, rows.access
                )?;
                if let Some((place, upstream)) = rows.gradient {
                    write!(f, " gradient {place:?} upstream {upstream:?}")?;
                }
                Ok(())
            }
        }
    }
}
