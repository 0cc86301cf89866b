//! The words that a kernel writes of each row.

/// A word of a row's record. In memory they follow each other in this order, as far as they are
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// The row's loss, z-loss included.
    Loss,
    /// Its log-sum-exp.
    LogSumExp,
    /// The log-probability of its target class.
    TargetLogProbability,
    /// The entropy of its softmax.
    Entropy,
    /// Its most likely class.
    Argmax,
    /// How many classes come before its target.
    TargetRank,
    /// Its part of the z-loss.
    ZLoss,
    /// Its loss without the z-loss, which is reduced apart from it.
    MainLoss,
    /// 1 where its target is among the classes that count as correct, else 0.
    Correct,
}

impl Word {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Loss,
        Self::LogSumExp,
        Self::TargetLogProbability,
        Self::Entropy,
        Self::Argmax,
        Self::TargetRank,
        Self::ZLoss,
        Self::MainLoss,
        Self::Correct,
    ];

    /// Whether it is about the target class: there is none where targets are probabilities.
    pub const fn is_of_target(self) -> bool {
        matches!(self, Self::TargetLogProbability | Self::TargetRank | Self::Correct)
    }

    /// The name of its `const` in WGSL.
    pub(super) const fn constant(self) -> &'static str {
        match self {
            Self::Loss => "WORD_LOSS",
            Self::LogSumExp => "WORD_LOG_SUM_EXP",
            Self::TargetLogProbability => "WORD_TARGET_LOG_PROBABILITY",
            Self::Entropy => "WORD_ENTROPY",
            Self::Argmax => "WORD_ARGMAX",
            Self::TargetRank => "WORD_TARGET_RANK",
            Self::ZLoss => "WORD_Z_LOSS",
            Self::MainLoss => "WORD_MAIN_LOSS",
            Self::Correct => "WORD_CORRECT",
        }
    }
}

/// Which words a kernel writes of each row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    bits: u16,
}

impl Record {
    /// No words.
    pub const NONE: Self = Self { bits: 0 };

    /// With one word more, if it is wanted.
    #[must_use]
    pub const fn with(self, word: Word, wanted: bool) -> Self {
        Self { bits: self.bits | (wanted as u16) << word as u16 }
    }

    /// Whether a word is written.
    pub const fn has(&self, word: Word) -> bool {
        self.bits & 1 << word as u16 != 0
    }

    /// Words of a record.
    pub const fn words(&self) -> u32 {
        self.bits.count_ones()
    }

    /// Where a word stands in the record, if it is written.
    pub const fn place(&self, word: Word) -> Option<u32> {
        if !self.has(word) {
            return None;
        }
        Some((self.bits & ((1 << word as u16) - 1)).count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_each_other_without_gaps() {
        let record = Record::NONE.with(Word::Argmax, true).with(Word::Loss, true);
        let record = record.with(Word::Correct, true).with(Word::Entropy, false);
        assert_eq!(record.words(), 3);
        let places = Word::ALL.map(|word| record.place(word));
        assert_eq!(places, [Some(0), None, None, None, Some(1), None, None, None, Some(2)]);
    }
}
