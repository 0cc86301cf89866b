//! What the rows are compared with.

use crate::logits::{Logits, Shape};
use crate::targets::{ClassIndices, TargetLayout, TargetValues, Targets};

/// What rows of logits are compared with.
#[derive(Clone, Copy, Debug)]
pub enum SoftmaxAgainst<'a> {
    /// Classes or probabilities, of a focal loss.
    Targets(Targets<'a>),
    /// A teacher's logits, of a divergence.
    Teacher {
        /// Shaped as the student's, of any element type and row stride.
        logits: Logits<'a>,
        /// A weight for each row.
        row_weights: Option<&'a [f32]>,
    },
}

impl<'a> SoftmaxAgainst<'a> {
    /// A teacher's logits, without weights.
    pub fn teacher(logits: Logits<'a>) -> Self {
        Self::Teacher { logits, row_weights: None }
    }

    /// What a plan has to know of it.
    pub fn layout(&self) -> SoftmaxAgainstLayout {
        match self {
            Self::Targets(targets) => SoftmaxAgainstLayout::Targets(targets.layout()),
            Self::Teacher { logits, row_weights } => SoftmaxAgainstLayout::Teacher {
                logits: logits.shape(),
                row_weights: row_weights.is_some(),
            },
        }
    }

    /// Target classes, where there are such.
    pub fn classes(&self) -> Option<ClassIndices<'a>> {
        match self {
            Self::Targets(targets) => targets.class_indices(),
            Self::Teacher { .. } => None,
        }
    }

    /// What has a value for each logit: probabilities, or the teacher's logits.
    pub fn matrix(&self) -> Option<Logits<'a>> {
        match self {
            Self::Teacher { logits, .. } => Some(*logits),
            Self::Targets(Targets { values: TargetValues::Probabilities(matrix), .. }) => {
                Some(*matrix)
            }
            Self::Targets(_) => None,
        }
    }

    /// A weight for each class, where there are such.
    pub fn class_weights(&self) -> Option<&'a [f32]> {
        match self {
            Self::Targets(targets) => targets.class_weights,
            Self::Teacher { .. } => None,
        }
    }

    /// A weight for each row, where there are such.
    pub fn row_weights(&self) -> Option<&'a [f32]> {
        match self {
            Self::Targets(targets) => targets.row_weights,
            Self::Teacher { row_weights, .. } => *row_weights,
        }
    }
}

/// The form of [`SoftmaxAgainst`] without its values, which a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftmaxAgainstLayout {
    /// Classes or probabilities.
    Targets(TargetLayout),
    /// A teacher's logits.
    Teacher {
        /// Their shape.
        logits: Shape,
        /// A weight for each row is given.
        row_weights: bool,
    },
}

impl SoftmaxAgainstLayout {
    /// The shape of what has a value for each logit.
    pub(crate) fn matrix(&self) -> Option<Shape> {
        match self {
            Self::Targets(targets) => targets.probabilities,
            Self::Teacher { logits, .. } => Some(*logits),
        }
    }

    /// The same with another shape of it.
    #[cfg(feature = "runtime")]
    pub(crate) fn with_matrix(self, change: impl FnOnce(Shape) -> Shape) -> Self {
        match self {
            Self::Targets(targets) => Self::Targets(targets.with_matrix(change)),
            Self::Teacher { logits, row_weights } => {
                Self::Teacher { logits: change(logits), row_weights }
            }
        }
    }

    pub(crate) fn class_weights(&self) -> bool {
        matches!(self, Self::Targets(TargetLayout { class_weights: true, .. }))
    }

    pub(crate) fn row_weights(&self) -> bool {
        match self {
            Self::Targets(targets) => targets.row_weights,
            Self::Teacher { row_weights, .. } => *row_weights,
        }
    }
}
