//! What the operands beside the logits are made of.

use super::random::SplitMix64;
use crate::Element;

/// What each row is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Targets {
    /// A class.
    Classes {
        /// Which rows have the ignore index, where there is one.
        ignored: Ignored,
        /// How the classes are stored.
        integer: Integer,
    },
    /// A probability for each class.
    Probabilities {
        /// What they are.
        kind: Probabilities,
        /// How they are stored.
        element: Element,
        /// Elements between the rows, or between the blocks of rows that lie side by side.
        gap: usize,
    },
}

impl Targets {
    /// A class of type `i32` for each row, and nothing ignored.
    pub const PLAIN: Self = Self::Classes { ignored: Ignored::No, integer: Integer::I32 };
}

/// Which rows have the ignore index as their target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// None, but for those whose class it is.
    No,
    /// A third of them.
    Some,
    /// All of them.
    All,
}

/// Integer types of class targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Rust's names
pub enum Integer {
    I32,
    I64,
    U32,
    U8,
}

impl Integer {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::I32, Self::I64, Self::U32, Self::U8];

    /// An ignore index that the type can hold.
    pub(super) const fn ignore_index(self) -> i32 {
        match self {
            Self::I32 | Self::I64 => -100,
            Self::U32 | Self::U8 => 250,
        }
    }

    /// Classes `0..` that the type can name.
    fn classes(self, classes: usize) -> usize {
        match self {
            Self::U8 => classes.min(250),
            _ => classes,
        }
    }
}

/// What probabilities as targets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Probabilities {
    /// Above 0, with the sum 1 up to rounding.
    Normal,
    /// Multiples of 1/8, most of them 0; in some rows all.
    Sparse,
    /// Of either sign.
    Signed,
}

impl Probabilities {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Normal, Self::Sparse, Self::Signed];

    /// Fills one row, whose most important class is `class`.
    pub(super) fn fill(self, random: &mut SplitMix64, row: &mut [f32], class: usize) {
        match self {
            Self::Normal => {
                row.iter_mut().for_each(|q| *q = (1 + random.below(15)) as f32);
                let sum: f64 = row.iter().map(|&q| f64::from(q)).sum();
                row.iter_mut().for_each(|q| *q = (f64::from(*q) / sum) as f32);
            }
            Self::Sparse if random.one_in(4) => row.fill(0.0),
            Self::Sparse => {
                row.fill(0.0);
                for _ in 0..3.min(row.len()) {
                    row[random.below(row.len())] = 0.125;
                }
                if let Some(q) = row.get_mut(class) {
                    *q = 0.625;
                }
            }
            Self::Signed => row.iter_mut().for_each(|q| *q = random.bell()),
        }
    }
}

/// What weights are: multiples of 1/16, so that engines agree on which sums of theirs are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Weights {
    /// Above 0, up to 2.
    Positive,
    /// The same, but for a third of zeros.
    SomeZero,
    /// From -2 to 2.
    Signed,
    /// All 0.
    Zero,
}

impl Weights {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Positive, Self::SomeZero, Self::Signed, Self::Zero];

    pub(super) fn values(self, random: &mut SplitMix64, len: usize) -> Vec<f32> {
        let mut value = || {
            let positive = (1 + random.below(32)) as f32 / 16.0;
            match self {
                Self::Positive => positive,
                Self::SomeZero if random.one_in(3) => 0.0,
                Self::SomeZero => positive,
                Self::Signed if random.one_in(2) => -positive,
                Self::Signed => positive,
                Self::Zero => 0.0,
            }
        };
        (0..len).map(|_| value()).collect()
    }
}

/// The upstream gradient, where a gradient is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Factor {
    /// No gradient.
    None,
    /// One factor for every row.
    Scalar(f32),
    /// A factor of its own for every row, zeros and negative ones among them.
    PerRow,
    /// One for every result: that of softmax.
    Matrix {
        /// How it is stored.
        element: Element,
        /// Elements between the rows, or between the blocks of rows that lie side by side.
        gap: usize,
    },
}

/// A row's target, and the class its content is arranged around.
pub(super) fn target_of_row(
    ignored: Ignored,
    integer: Integer,
    ignore_index: Option<i32>,
    random: &mut SplitMix64,
    classes: usize,
) -> (i64, usize) {
    let classes = integer.classes(classes).max(1);
    // An ignore index among the classes is met often enough to be seen among many of them too.
    let class = match ignore_index.and_then(|index| usize::try_from(index).ok()) {
        Some(index) if index < classes && random.one_in(4) => index,
        _ => random.below(classes),
    };
    let is_ignored = match ignored {
        Ignored::No => false,
        Ignored::Some => random.one_in(3),
        Ignored::All => true,
    };
    let target = ignore_index.filter(|_| is_ignored).map(i64::from);
    (target.unwrap_or(class as i64), class)
}
