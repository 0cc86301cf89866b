//! The losses that are timed.

use super::ceiling::Traffic;
use super::data::Problem;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// log-sum-exp of each row.
    LogSumExp,
    /// Cross-entropy of each row, and their sum.
    Forward,
    /// The same with the gradient, to another buffer.
    Fused,
    /// The gradient alone, from a state that a forward saved, to another buffer.
    Backward,
    /// Loss and gradient, the gradient in place of the logits.
    FusedInPlace,
}

impl Op {
    /// In this order, since the last overwrites the logits.
    pub const ALL: [Self; 5] =
        [Self::LogSumExp, Self::Forward, Self::Fused, Self::Backward, Self::FusedInPlace];

    /// Its name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogSumExp => "log-sum-exp forward",
            Self::Forward => "cross-entropy forward",
            Self::Fused => "cross-entropy fused",
            Self::Backward => "cross-entropy backward",
            Self::FusedInPlace => "cross-entropy fused in place",
        }
    }

    /// Its name in tables, which leave out what most have in common.
    pub fn short_name(self) -> &'static str {
        match self {
            Self::LogSumExp => "log-sum-exp",
            Self::FusedInPlace => "in place",
            op => op.name().trim_start_matches("cross-entropy "),
        }
    }

    /// What it does to memory at the least.
    pub fn traffic(self) -> Traffic {
        match self {
            Self::LogSumExp | Self::Forward => Traffic::Read,
            Self::Fused | Self::Backward => Traffic::Copy,
            Self::FusedInPlace => Traffic::InPlace,
        }
    }

    /// The least bytes it can move: logits once, the gradient once.
    pub fn least_bytes(self, problem: &Problem) -> u64 {
        self.traffic().passes() * problem.bytes()
    }
}
