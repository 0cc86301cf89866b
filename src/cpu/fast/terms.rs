//! The coefficients `u_c` of `L = v sum_c u_c (lse - y_c)`, and `sum_c u_c (m - y_c)`.

use std::ops::Range;

use crate::error::Result;
use crate::memory::{collected, filled, when};
use crate::ops::cross_entropy::{CrossEntropy, Mode};
use crate::ops::validate::CROSS_ENTROPY;
use crate::partial::{ClassRange, PartialState};
use crate::targets::{ClassIndices, TargetValues, Targets};

/// What a row is compared with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Target {
    Ignored,
    Class(usize),
    Probabilities,
}

/// Targets and weights.
pub(super) struct Terms<'a> {
    targets: Targets<'a>,
    ignore_index: Option<i64>,
    classes: ClassRange,
    /// `1 - eps`.
    kept: f64,
    /// `eps / C`.
    spread: f64,
    /// `eps / C w_c` of each column, where there is label smoothing of class targets.
    smoothing: Option<Share<Vec<f32>>>,
}

/// Coefficients of every column.
#[derive(Clone, Copy)]
struct Share<T> {
    values: T,
    sum: f64,
    contributes: bool,
}

impl<T: AsRef<[f32]>> Share<T> {
    fn new(values: T) -> Self {
        let sum = values.as_ref().iter().map(|&value| f64::from(value)).sum();
        let contributes = values.as_ref().iter().any(|&value| value != 0.0);
        Self { values, sum, contributes }
    }
}

/// The coefficients of a row.
#[derive(Clone, Copy)]
pub(super) struct Coefficients<'a> {
    /// Of every column; `None` where only the target has a term.
    pub(super) all: Option<&'a [f32]>,
    /// The target's column, and what it has beside.
    pub(super) target: Option<(usize, f64)>,
    /// Their sum.
    pub(super) weight: f64,
    /// Whether one is not 0.
    pub(super) contributes: bool,
}

impl<'a> Terms<'a> {
    pub(super) fn new(
        targets: Targets<'a>,
        classes: ClassRange,
        columns: usize,
        options: &CrossEntropy,
    ) -> Result<Self> {
        let label_smoothing = f64::from(options.label_smoothing);
        let of_classes = matches!(targets.values, TargetValues::Classes(_));
        let spread = label_smoothing / classes.total as f64;
        let smoothing =
            when(of_classes && label_smoothing > 0.0, || match targets.class_weights {
                Some(weights) => {
                    let of_part = weights[classes.first..classes.first + columns].iter();
                    let shares = of_part.map(|&weight| (f64::from(weight) * spread) as f32);
                    collected(CROSS_ENTROPY, shares)
                }
                None => filled(CROSS_ENTROPY, spread as f32, columns),
            })?;
        Ok(Self {
            targets,
            ignore_index: options.ignore_index.map(i64::from),
            classes,
            kept: 1.0 - label_smoothing,
            spread,
            smoothing: smoothing.map(Share::new),
        })
    }

    /// How many classes there are, those of other parts among them.
    pub(super) fn total_classes(&self) -> usize {
        self.classes.total
    }

    /// Whether classes or rows have weights.
    pub(super) fn are_weighted(&self) -> bool {
        self.targets.class_weights.is_some() || self.targets.row_weights.is_some()
    }

    /// Whether each row's loss is that of its target class alone, and counts once.
    pub(super) fn are_plain(&self) -> bool {
        let of_classes = matches!(self.targets.values, TargetValues::Classes(_));
        of_classes && self.smoothing.is_none() && !self.are_weighted()
    }

    /// What a row is compared with; the indices have been validated.
    #[inline(always)]
    pub(super) fn target(&self, row: usize) -> Target {
        let TargetValues::Classes(indices) = self.targets.values else {
            return Target::Probabilities;
        };
        let index = indices.get(row).filter(|&index| Some(index) != self.ignore_index);
        let class = index.and_then(|index| usize::try_from(index).ok());
        class.map_or(Target::Ignored, Target::Class)
    }

    /// The target classes of consecutive rows; beyond all classes where a row is ignored, and after
    /// the last.
    #[inline(always)]
    pub(super) fn classes<const ROWS: usize>(&self, rows: Range<usize>) -> [usize; ROWS] {
        let TargetValues::Classes(indices) = self.targets.values else {
            return [usize::MAX; ROWS];
        };
        match indices {
            ClassIndices::I32(indices) => self.counted(&indices[rows]),
            ClassIndices::I64(indices) => self.counted(&indices[rows]),
            ClassIndices::U32(indices) => self.counted(&indices[rows]),
            ClassIndices::U8(indices) => self.counted(&indices[rows]),
        }
    }

    #[inline(always)]
    fn counted<T: Copy + Into<i64>, const ROWS: usize>(&self, indices: &[T]) -> [usize; ROWS] {
        let (has_ignored, ignored) = (self.ignore_index.is_some(), self.ignore_index.unwrap_or(-1));
        let mut classes = [usize::MAX; ROWS];
        for (class, &index) in classes.iter_mut().zip(indices) {
            let index = index.into();
            let is_ignored = has_ignored & (index == ignored);
            *class = if is_ignored { usize::MAX } else { index as usize };
        }
        classes
    }

    /// `v`.
    pub(super) fn row_weight(&self, row: usize) -> f64 {
        self.targets.row_weights.map_or(1.0, |weights| weights[row].into())
    }

    /// `w`, of a class counted over all parts.
    pub(super) fn class_weight(&self, class: usize) -> f64 {
        self.targets.class_weights.map_or(1.0, |weights| weights[class].into())
    }

    /// The column of a class; `None` where another part holds it.
    fn column(&self, class: usize, columns: usize) -> Option<usize> {
        class.checked_sub(self.classes.first).filter(|&column| column < columns)
    }

    /// The coefficients of a row of `columns`; probabilities become them in place.
    #[inline(always)]
    pub(super) fn of_row<'b>(
        &'b self,
        target: Target,
        columns: usize,
        probabilities: &'b mut [f32],
    ) -> Coefficients<'b> {
        match target {
            Target::Ignored => {
                Coefficients { all: None, target: None, weight: 0.0, contributes: false }
            }
            Target::Class(class) => {
                let column = self.column(class, columns);
                let own = column.map(|column| (column, self.kept * self.class_weight(class)));
                let own_weight = own.map_or(0.0, |(_, weight)| weight);
                let all = self.smoothing.as_ref();
                Coefficients {
                    all: all.map(|share| share.values.as_slice()),
                    target: own,
                    weight: all.map_or(0.0, |share| share.sum) + own_weight,
                    contributes: all.is_some_and(|share| share.contributes) || own_weight != 0.0,
                }
            }
            Target::Probabilities => {
                self.weigh(probabilities);
                let Share { values, sum, contributes } = Share::new(&*probabilities);
                Coefficients { all: Some(values), target: None, weight: sum, contributes }
            }
        }
    }

    /// `q <- w ((1 - eps) q + eps / C)`.
    fn weigh(&self, probabilities: &mut [f32]) {
        let (kept, spread) = (self.kept as f32, self.spread as f32);
        if self.spread > 0.0 {
            probabilities.iter_mut().for_each(|q| *q = kept * *q + spread);
        }
        if let Some(weights) = self.targets.class_weights {
            let weights = &weights[self.classes.first..];
            probabilities.iter_mut().zip(weights).for_each(|(q, weight)| *q *= weight);
        }
    }
}

impl Coefficients<'_> {
    /// `u_c` of a column.
    pub(super) fn at(&self, column: usize) -> f64 {
        let own = self.target.filter(|&(target, _)| target == column);
        let of_all = self.all.map_or(0.0, |all| f64::from(all[column]));
        of_all + own.map_or(0.0, |(_, weight)| weight)
    }

    /// `sum_c u_c (m - y_c)`; infinite or NaN where a term is.
    pub(super) fn distance(&self, row: &[f32], maximum: f32, mode: Mode) -> f64 {
        let (finite, flags) = self.finite_distance(row, maximum, mode);
        let has = |flag| flags & flag != 0;
        let both = has(PartialState::POSITIVE) && has(PartialState::NEGATIVE);
        if flags == 0 {
            finite
        } else if has(PartialState::UNDEFINED) || both {
            f64::NAN
        } else if has(PartialState::POSITIVE) {
            finite + f64::INFINITY
        } else {
            finite - f64::INFINITY
        }
    }

    /// The same over finite logits, and a [`PartialState`]'s flags of the terms that are not.
    pub(super) fn finite_distance(&self, row: &[f32], maximum: f32, mode: Mode) -> (f64, u32) {
        let maximum = f64::from(maximum);
        let of_target = match self.target {
            Some((column, weight)) => weight * (maximum - f64::from(row[column])),
            None => 0.0,
        };
        let of_all = self.all.map_or(0.0, |all| sum_distances(row, all, maximum));
        let sum = of_target + of_all;
        if sum.is_finite() { (sum, 0) } else { self.careful_distance(row, maximum, mode) }
    }

    /// With an infinite or NaN term, or one that only looks so.
    #[cold]
    fn careful_distance(&self, row: &[f32], maximum: f64, mode: Mode) -> (f64, u32) {
        let (mut distance, mut flags) = (0.0, 0);
        let mut add = |column: usize| {
            let (coefficient, y) = (self.at(column), f64::from(row[column]));
            if y.is_finite() {
                distance += coefficient * (maximum - y);
            } else if y == f64::NEG_INFINITY {
                flags |= match coefficient {
                    u if u > 0.0 => PartialState::POSITIVE,
                    u if u < 0.0 => PartialState::NEGATIVE,
                    0.0 if mode == Mode::Masked => 0,
                    _ => PartialState::UNDEFINED,
                };
            }
        };
        match (self.all, self.target) {
            (Some(_), _) => (0..row.len()).for_each(add),
            (None, Some((column, _))) => add(column),
            (None, None) => {}
        }
        (distance, flags)
    }
}

/// `sum_c u_c (m - y_c)` in lanes of double precision, in an order that the length fixes.
fn sum_distances(row: &[f32], coefficients: &[f32], maximum: f64) -> f64 {
    const LANES: usize = 8;
    let (chunks, tail) = row.as_chunks::<LANES>();
    let (coefficient_chunks, coefficient_tail) = coefficients.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (chunk, coefficients) in chunks.iter().zip(coefficient_chunks) {
        for lane in 0..LANES {
            sums[lane] += f64::from(coefficients[lane]) * (maximum - f64::from(chunk[lane]));
        }
    }
    let tail = tail.iter().zip(coefficient_tail);
    let tail = tail.map(|(&y, &coefficient)| f64::from(coefficient) * (maximum - f64::from(y)));
    sums.into_iter().sum::<f64>() + tail.sum::<f64>()
}
