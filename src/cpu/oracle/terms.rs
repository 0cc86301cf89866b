//! The coefficients `u_c` of `L = v sum_c u_c (lse - y_c)`.

use crate::ops::cross_entropy::CrossEntropy;
use crate::partial::ClassRange;
use crate::targets::{TargetValues, Targets};

/// What a row is compared with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Target {
    Ignored,
    Class(usize),
    Probabilities,
}

/// Targets and weights as numbers of double precision.
pub(super) struct Terms<'a> {
    targets: Targets<'a>,
    label_smoothing: f64,
    ignore_index: Option<i64>,
    classes: ClassRange,
}

impl<'a> Terms<'a> {
    pub(super) fn new(targets: Targets<'a>, classes: ClassRange, options: &CrossEntropy) -> Self {
        Self {
            targets,
            label_smoothing: options.label_smoothing.into(),
            ignore_index: options.ignore_index.map(i64::from),
            classes,
        }
    }

    /// How many classes there are, those of other parts among them.
    pub(super) fn total_classes(&self) -> usize {
        self.classes.total
    }

    /// What a row is compared with; the indices have been validated.
    pub(super) fn target(&self, row: usize) -> Target {
        let TargetValues::Classes(indices) = self.targets.values else {
            return Target::Probabilities;
        };
        let index = indices.get(row).filter(|&index| Some(index) != self.ignore_index);
        let class = index.and_then(|index| usize::try_from(index).ok());
        class.map_or(Target::Ignored, Target::Class)
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
    pub(super) fn column(&self, class: usize, columns: usize) -> Option<usize> {
        class.checked_sub(self.classes.first).filter(|&column| column < columns)
    }

    /// `u_c` of each column, `None` where the loss has no such term: then not even an infinite
    /// logit matters.
    pub(super) fn of_row(&self, row: usize, columns: usize) -> Vec<Option<f64>> {
        let weight = |column| self.class_weight(self.classes.first + column);
        let kept = 1.0 - self.label_smoothing;
        let spread = self.label_smoothing / self.classes.total as f64;
        match self.target(row) {
            Target::Ignored => vec![None; columns],
            Target::Class(target) => {
                let target = self.column(target, columns);
                let term = |column| {
                    let at_target = Some(column) == target;
                    match (at_target, self.label_smoothing > 0.0) {
                        (true, _) => Some(weight(column) * (kept + spread)),
                        (false, true) => Some(weight(column) * spread),
                        (false, false) => None,
                    }
                };
                (0..columns).map(term).collect()
            }
            Target::Probabilities => {
                let TargetValues::Probabilities(probabilities) = self.targets.values else {
                    return vec![None; columns];
                };
                let probabilities = probabilities.row(row).into_iter().enumerate();
                probabilities
                    .map(|(column, q)| Some(weight(column) * (kept * f64::from(q) + spread)))
                    .collect()
            }
        }
    }
}
