//! What the operands beside the logits are made of.

use wgpu_loss::Element;

use super::call::OwnedSegments;
use super::content::Content;
use super::random::SplitMix64;

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
    /// A teacher's logits, of a divergence of logits.
    Teacher {
        /// What they are.
        kind: Teacher,
        /// How they are stored.
        element: Element,
        /// Elements between the rows, or between the blocks of rows that lie side by side.
        gap: usize,
    },
    /// A number for each element, such as the loss takes.
    Elements {
        /// Infinities, NaN and zeros of both signs among them.
        special: bool,
        /// How they are stored.
        element: Element,
        /// Elements between the rows, or between the blocks of rows that lie side by side.
        gap: usize,
    },
}

/// Weights of positives, or variances, of an element-wise loss: multiples of 1/16 up to 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Numbers {
    /// One for each row.
    PerRow,
    /// One for each column.
    PerColumn,
    /// One for each element.
    PerElement {
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
    /// All of it in one class.
    OneHot,
}

impl Probabilities {
    /// Those that option sets choose from.
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
            Self::OneHot => {
                row.fill(0.0);
                row.iter_mut().skip(class).take(1).for_each(|q| *q = 1.0);
            }
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
    /// Above 0, up to 2, of all the digits there are: only where no sum of them may be 0.
    Fine,
    /// Of either sign, with infinities, NaN and zeros among them.
    NotFinite,
    /// Above 0, up to 2e38: two of them may be more than there are numbers for.
    Huge,
    /// Each second of a pair takes back the first; behind each pair there is one of 1e-7 or so.
    Cancelling,
}

impl Weights {
    /// Those that any operation takes.
    pub const ALL: [Self; 4] = [Self::Positive, Self::SomeZero, Self::Signed, Self::Zero];

    pub(super) fn values(self, random: &mut SplitMix64, len: usize) -> Vec<f32> {
        let mut first = 0.0;
        let value = |place: usize| {
            let positive = (1 + random.below(32)) as f32 / 16.0;
            match self {
                Self::Huge => positive * 1e38,
                Self::Cancelling if place.is_multiple_of(3) => {
                    first = positive;
                    first
                }
                Self::Cancelling if place % 3 == 1 => -first,
                Self::Cancelling => positive * 1e-7,
                Self::Positive => positive,
                Self::SomeZero if random.one_in(3) => 0.0,
                Self::SomeZero => positive,
                Self::Signed if random.one_in(2) => -positive,
                Self::Signed => positive,
                Self::Zero => 0.0,
                Self::Fine => (1 + random.below(1 << 24)) as f32 / (1 << 23) as f32,
                Self::NotFinite if random.one_in(6) => {
                    const SPECIAL: [f32; 6] =
                        [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 0.0, -0.0];
                    random.pick(&SPECIAL)
                }
                Self::NotFinite if random.one_in(3) => -positive,
                Self::NotFinite => positive,
            }
        };
        (0..len).map(value).collect()
    }
}

/// How far a teacher's logits are from the student's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Teacher {
    /// They have nothing in common but their content.
    Apart,
    /// Up to 1/256, before both are rounded to their types.
    Near,
    /// Not at all, before both are rounded to their types.
    Same,
}

impl Teacher {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Apart, Self::Near, Self::Same];

    /// Fills the row of this type that teaches a student, whose most important class is `class`.
    pub(super) fn fill(
        self,
        random: &mut SplitMix64,
        (content, class): (Content, usize),
        student: &[f32],
        element: Element,
    ) -> Vec<f32> {
        let mut row = student.to_vec();
        match self {
            Self::Apart => content.fill(random, &mut row, class, element),
            Self::Near => row.iter_mut().for_each(|y| *y += random.bell() / 1024.0),
            Self::Same => {}
        }
        row
    }
}

/// A weight for each value of a reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ElementWeights {
    /// What they are.
    pub kind: Weights,
    /// How they are stored.
    pub element: Element,
    /// Elements between the rows, or between the blocks of rows that lie side by side.
    pub gap: usize,
}

/// Which rows belong together in a reduction of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grouping {
    /// Rows side by side in so many segments, given by their offsets: some segments are empty, and
    /// there may be rows before the first and behind the last.
    Offsets(usize),
    /// All rows in one segment, given by its offsets.
    Whole,
    /// Rows in any order in so many segments, one of which is empty; some rows are in none.
    Ids(usize),
}

impl Grouping {
    pub(super) fn segments(self, random: &mut SplitMix64, rows: usize) -> OwnedSegments {
        match self {
            Self::Offsets(segments) => {
                let mut offsets: Vec<_> =
                    (0..=segments).map(|_| random.below(rows + 1) as u32).collect();
                offsets.sort_unstable();
                if segments > 2 {
                    offsets[segments / 2] = offsets[segments / 2 + 1];
                }
                OwnedSegments::Offsets(offsets)
            }
            Self::Whole => OwnedSegments::Offsets(vec![0, rows as u32]),
            Self::Ids(segments) => {
                let empty = (segments > 2).then_some(segments / 2);
                let mut id = || match random.below(segments.max(1)) {
                    segment if segments == 0 || Some(segment) == empty || random.one_in(6) => {
                        random.pick(&[-1, -100, i32::MIN])
                    }
                    segment => segment as i32,
                };
                let ids = (0..rows).map(|_| id()).collect();
                OwnedSegments::Ids { ids, segments }
            }
        }
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
    /// A factor of its own for every row, zeros and negative ones among them; of a reduction, for
    /// every result.
    PerRow,
    /// One for every column: of element-wise losses alone.
    PerColumn,
    /// One for every result: that of softmax, or of an unreduced element-wise loss.
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
