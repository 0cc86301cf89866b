//! The kernels that a row cut into parts takes: states of the parts, their merge, and the gradient.

use super::record::{Record, Word};
use super::variant::{
    Family, MergeVariant, Operation, RowVariant, StateKind, TargetKind, Transform,
};

impl Operation {
    /// Whether all that the gradient needs of a row is its log-sum-exp.
    const fn is_of_log_sum_exp(self) -> bool {
        matches!(self, Self::LogSumExp | Self::Softmax | Self::LogSoftmax)
    }

    /// Whether rows can be cut into parts: not where sums over an upstream gradient are needed.
    pub const fn splits(self) -> bool {
        self.is_of_log_sum_exp() || matches!(self, Self::CrossEntropy)
    }
}

/// What a row of [`Family::Split`] takes.
impl RowVariant {
    /// The kernel that makes a state of each part.
    pub fn of_parts(&self) -> Self {
        let is_of_log_sum_exp = self.operation.is_of_log_sum_exp();
        let keeps_all = self.state == StateKind::Partial;
        let has = |words: &[Word]| words.iter().any(|&word| self.record.has(word));
        Self {
            operation: match is_of_log_sum_exp {
                true => Operation::LogSumExp,
                false => self.operation,
            },
            transform: if is_of_log_sum_exp { Transform::None } else { self.transform },
            gradient: None,
            record: Record::NONE,
            state: match is_of_log_sum_exp {
                true => StateKind::Pair,
                false => StateKind::Part {
                    argmax: keeps_all
                        || has(&[Word::Argmax])
                        || (has(&[Word::Correct]) && !has(&[Word::TargetRank])),
                    target_rank: has(&[Word::TargetRank]),
                    entropy: keeps_all || has(&[Word::Entropy]),
                    ignored_rows: self.gradient.is_some()
                        || self.state != StateKind::None
                        || has(&[Word::LogSumExp, Word::Entropy, Word::Argmax]),
                },
            },
            ..*self
        }
    }

    /// The kernel that merges them, and closes the row.
    pub fn merge_of_parts(&self, lanes: u32) -> MergeVariant {
        let log_sum_exp = self.operation.is_of_log_sum_exp();
        let of_loss = |option: bool| option && !log_sum_exp;
        MergeVariant {
            log_sum_exp,
            classes: of_loss(!matches!(self.comparison.target, TargetKind::Probability(_))),
            row_weights: of_loss(self.comparison.row_weights),
            masked: of_loss(self.comparison.masked),
            z_loss: of_loss(self.comparison.z_loss),
            record: self.record,
            state: self.merged_state(),
            lanes,
        }
    }

    /// What is kept of each row: for the caller, or for the gradient.
    pub fn merged_state(&self) -> StateKind {
        match (self.state, self.gradient) {
            (StateKind::None, Some(_)) if self.has_terms() => StateKind::Sums,
            (StateKind::None, Some(_)) => StateKind::Pair,
            (state, _) => state,
        }
    }

    /// The kernel that writes the gradient, where there is one.
    pub fn gradient_of_parts(&self) -> Option<Self> {
        self.gradient?;
        Some(Self {
            family: Family::FromState,
            team: super::Team::Lane,
            record: Record::NONE,
            state: self.merged_state(),
            ..*self
        })
    }
}
