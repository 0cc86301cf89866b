//! Reads rows of any element type and layout as `f32`.

use std::ops::Range;

use super::convert::widen;
use super::scratch::room;
use super::softmax;
use super::target_rank;
use super::terms::{Target, Terms};
use super::transform::Transform;
use crate::element::Values;
use crate::element::for_each_element;
use crate::logits::{Logits, Shape};

/// The most rows that are read together.
pub(super) const TILE: usize = 64;

/// Elements of a tile, unless that is fewer than [`FEWEST`] rows.
const TILE_ELEMENTS: usize = 1 << 14;

/// Rows side by side that share a cache line of `f32`.
const FEWEST: usize = 16;

/// Splits rows into tiles that are read together: one row, or several of one block side by side,
/// so that memory is walked along them.
pub(super) fn tiles(rows: Range<usize>, shape: Shape) -> impl Iterator<Item = Range<usize>> {
    let Shape { classes, inner, .. } = shape;
    let most = (TILE_ELEMENTS / classes.max(1)).clamp(FEWEST, TILE);
    let mut next = rows.start;
    std::iter::from_fn(move || {
        let first = next;
        // A division takes as long as a short row.
        let count = if inner <= 1 { 1 } else { most.min(inner - first % inner) };
        next = rows.end.min(first + count);
        (first < next).then_some(first..next)
    })
}

/// One row after the other in `into`.
pub(super) fn copy_rows(logits: Logits<'_>, rows: Range<usize>, into: &mut [f32]) {
    let Shape { classes, inner, .. } = logits.shape();
    let start = logits.shape().start_of(rows.start);
    for_each_element!(Values, logits.values(), values => {
        if inner == 1 {
            return widen(&values[start..start + classes], into);
        }
        let mut line = [0.0; TILE];
        let line = &mut line[..rows.len()];
        for class in 0..classes {
            widen(&values[start + class * inner..][..line.len()], line);
            for (row, &value) in line.iter().enumerate() {
                into[row * classes + class] = value;
            }
        }
    });
}

/// A tile's rows, one after the other, where they lie so in memory.
pub(super) fn borrow_rows<'a>(logits: Logits<'a>, rows: &Range<usize>) -> Option<&'a [f32]> {
    let Shape { classes, inner, .. } = logits.shape();
    match logits.values() {
        Values::F32(values) if inner == 1 => {
            Some(&values[logits.shape().start_of(rows.start)..][..classes])
        }
        _ => None,
    }
}

/// What is to be found out about rows before they are transformed away.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) slopes: bool,
    pub(super) argmax: bool,
    /// Whose targets' ranks are wanted, and the first row.
    pub(super) ranks: Option<(&'a Terms<'a>, usize)>,
}

/// A tile of transformed rows.
pub(super) struct Tile<'a> {
    classes: usize,
    logits: &'a [f32],
    /// Empty where every slope is the transformation's scale.
    slopes: &'a [f32],
    /// Empty where the transformed row has its argmax.
    argmax: &'a [usize],
    /// Likewise, where targets are ranked.
    ranks: &'a [usize],
}

impl<'a> Tile<'a> {
    /// So many rows of so many classes, borrowed where they lie one after the other in memory, else
    /// as `copy` leaves them.
    #[inline(always)]
    pub(super) fn read(
        (count, classes): (usize, usize),
        borrowed: Option<&'a [f32]>,
        copy: impl FnOnce(&mut [f32]),
        (transform, wanted): (Transform, Wanted<'_>),
        [of_logits, of_slopes]: [&'a mut Vec<f32>; 2],
        [argmax, ranks]: [&'a mut Vec<usize>; 2],
    ) -> Self {
        if let Some(logits) = borrowed.filter(|_| transform.is_identity()) {
            return Self { classes, logits, slopes: &[], argmax: &[], ranks: &[] };
        }
        let elements = count * classes;
        let into = room(of_logits, elements);
        copy(into);
        if transform.is_identity() {
            return Self { classes, logits: into, slopes: &[], argmax: &[], ranks: &[] };
        }
        let argmax = room(argmax, if wanted.argmax { count } else { 0 });
        if wanted.argmax && classes > 0 {
            for (row, argmax) in into.chunks_exact_mut(classes).zip(argmax.iter_mut()) {
                *argmax = transform.in_order(row, softmax::argmax);
            }
        }
        let ranks = room(ranks, if wanted.ranks.is_some() { count } else { 0 });
        if let (Some((terms, first)), true) = (wanted.ranks, classes > 0) {
            let rows = into.chunks_exact_mut(classes).zip(ranks.iter_mut());
            for (row, (logits, rank)) in (first..).zip(rows) {
                *rank = match terms.target(row) {
                    Target::Class(class) => {
                        transform.in_order(logits, |logits| target_rank::rank(logits, class))
                    }
                    Target::Ignored | Target::Probabilities => classes,
                };
            }
        }
        let with_slopes = wanted.slopes && transform.softcap.is_some();
        let slopes = room(of_slopes, if with_slopes { elements } else { 0 });
        transform.apply(into, slopes);
        Self { classes, logits: into, slopes, argmax, ranks }
    }

    /// The tile's `index`-th row.
    #[inline(always)]
    pub(super) fn row(&self, index: usize) -> TransformedRow<'a, 'a> {
        let of_row = index * self.classes..(index + 1) * self.classes;
        TransformedRow {
            logits: &self.logits[of_row.clone()],
            slopes: self.slopes.get(of_row),
            argmax: self.argmax.get(index).copied(),
            target_rank: self.ranks.get(index).copied(),
        }
    }
}

/// A row after the transformation: `logits` may live shorter than the rest.
#[derive(Clone, Copy)]
pub(super) struct TransformedRow<'l, 'a> {
    pub(super) logits: &'l [f32],
    /// `dy/dx`; `None` where all are the transformation's scale.
    pub(super) slopes: Option<&'a [f32]>,
    /// By the stored logits; `None` where the transformed ones tell as well.
    pub(super) argmax: Option<usize>,
    /// Likewise.
    pub(super) target_rank: Option<usize>,
}
