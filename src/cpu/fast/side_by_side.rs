//! Short rows, sixteen at a time: a lane for each row, so that nothing is added up across lanes, and
//! every logarithm and division serves sixteen rows.
//!
//! Of losses that are each that of the row's target class alone. The bits are those of rows that are
//! computed one by one.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::batch::Factors;
use super::ln_1p::ln_1p;
use super::row_kernel::SHORT;
use super::simd::exp;
use super::softmax::is_distant;
use super::terms::{Target, Terms};

/// Rows side by side.
pub(super) const ROWS: usize = 16;

/// A number for each of them.
pub(super) type Lanes<T = f32> = [T; ROWS];

/// Where tiles come from and go to; `first` is counted from the first row.
pub(super) trait Tiles {
    /// The logits of a tile, row by row.
    fn read(&mut self, first: usize, logits: &mut [f32]);

    /// What was computed of it. `by_itself` has a bit for each row that has to be computed by itself;
    /// its values here are anything.
    fn write(
        &mut self,
        first: usize,
        logits: &[f32],
        losses: &Lanes,
        gradient: &mut [f32],
        by_itself: u32,
    );
}

/// As many whole tiles of rows as there are.
pub(super) struct SideBySide<'a, 'c, T> {
    /// At most [`SHORT`].
    pub(super) classes: usize,
    /// Counted over the whole batch.
    pub(super) rows: Range<usize>,
    pub(super) terms: &'a Terms<'c>,
    pub(super) factors: Option<Factors<'c>>,
    pub(super) tiles: &'a mut T,
}

/// What is known of a tile of rows.
struct Tile {
    maximum: Lanes,
    argmax: Lanes<u32>,
    rest: Lanes,
    /// Exponentials, one class after the other.
    exps: [Lanes; SHORT],
}

impl<T: Tiles> WithSimd for SideBySide<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let classes = self.classes;
        let (mut logits, mut gradient) = ([0.0; ROWS * SHORT], [0.0; ROWS * SHORT]);
        let (logits, gradient) = (&mut logits[..ROWS * classes], &mut gradient[..ROWS * classes]);
        for first in (0..self.rows.len() / ROWS * ROWS).step_by(ROWS) {
            self.tiles.read(first, logits);
            let mut tile = read(simd, logits, classes);
            let mut by_itself = 0;
            for lane in 0..ROWS {
                let (maximum, rest) = (tile.maximum[lane], tile.rest[lane]);
                let is_special =
                    rest.is_nan() | maximum.is_infinite() | is_distant(rest.into(), classes);
                by_itself |= u32::from(is_special) << lane;
            }
            let mut logs = tile.rest;
            for log in &mut logs {
                *log = ln_1p(*log);
            }
            let mut targets = [None; ROWS];
            for (lane, target_of) in targets.iter_mut().enumerate() {
                if let Target::Class(target) = self.terms.target(self.rows.start + first + lane) {
                    *target_of = Some(target);
                }
            }
            let mut losses = [0.0; ROWS];
            for lane in 0..ROWS {
                losses[lane] = match targets[lane] {
                    Some(target) => {
                        (tile.maximum[lane] - logits[lane * classes + target]) + logs[lane]
                    }
                    None => 0.0,
                };
            }
            if let Some(factors) = &self.factors {
                let row = self.rows.start + first;
                self::gradient(simd, &mut tile, (row, classes), &targets, factors, gradient);
            }
            self.tiles.write(first, logits, &losses, gradient, by_itself);
        }
    }
}

#[inline(always)]
fn read<S: Simd>(simd: S, logits: &[f32], classes: usize) -> Tile {
    let mut exps = [[0.0; ROWS]; SHORT];
    for (lane, row) in logits.chunks_exact(classes).enumerate() {
        for (column, &x) in exps.iter_mut().zip(row) {
            column[lane % ROWS] = x;
        }
    }
    let columns = &mut exps[..classes];
    let (mut maximum, mut argmax) = ([f32::NEG_INFINITY; ROWS], [0; ROWS]);
    for (class, column) in columns.iter().enumerate() {
        for lane in 0..ROWS {
            let is_larger = column[lane] > maximum[lane];
            maximum[lane] = if is_larger { column[lane] } else { maximum[lane] };
            argmax[lane] = if is_larger { class as u32 } else { argmax[lane] };
        }
    }
    let (maximums, _) = S::as_simd_f32s(&maximum);
    for column in columns.iter_mut() {
        let (vectors, _) = S::as_mut_simd_f32s(column);
        for (x, &maximum) in vectors.iter_mut().zip(maximums) {
            *x = exp(simd, simd.sub_f32s(*x, maximum));
        }
    }
    let mut sums = [[0.0; ROWS]; SHORT];
    for (class, (sum, exps)) in sums.iter_mut().zip(columns).enumerate() {
        for lane in 0..ROWS {
            sum[lane] = if argmax[lane] == class as u32 { 0.0 } else { exps[lane] };
        }
    }
    // Halves onto halves, as the lanes of one row are added up.
    let mut count = classes;
    for half in [8, 4, 2, 1] {
        for class in half..count {
            let terms = sums[class];
            for lane in 0..ROWS {
                sums[class - half][lane] += terms[lane];
            }
        }
        count = count.min(half);
    }
    Tile { maximum, argmax, rest: sums[0], exps }
}

/// Of rows that are neither undefined nor distant: as [`RowGradient`](super::gradient::RowGradient).
#[inline(always)]
fn gradient<S: Simd>(
    simd: S,
    tile: &mut Tile,
    (first, classes): (usize, usize),
    targets: &Lanes<Option<usize>>,
    factors: &Factors<'_>,
    gradient: &mut [f32],
) {
    let (mut of_loss, mut at_leader, mut scales) = ([0.0f64; ROWS], [0.0; ROWS], [0.0; ROWS]);
    for lane in 0..ROWS {
        of_loss[lane] = match targets[lane] {
            Some(_) => factors.of_row(first + lane, false).0,
            None => 0.0,
        };
    }
    let mut at_one = of_loss;
    for lane in 0..ROWS {
        let leads = targets[lane] == Some(tile.argmax[lane] as usize);
        at_one[lane] *= if leads { 0.0 } else { 1.0 };
    }
    for lane in 0..ROWS {
        let rest = f64::from(tile.rest[lane]);
        let of_exp = of_loss[lane] / (1.0 + rest);
        scales[lane] = of_exp as f32;
        at_leader[lane] = (at_one[lane] - of_exp * rest) as f32;
    }
    let (scales, _) = S::as_simd_f32s(&scales);
    for column in &mut tile.exps[..classes] {
        let (vectors, _) = S::as_mut_simd_f32s(column);
        for (exp, &scale) in vectors.iter_mut().zip(scales) {
            *exp = simd.mul_f32s(*exp, scale);
        }
    }
    for (lane, row) in gradient.chunks_exact_mut(classes).enumerate() {
        let lane = lane % ROWS;
        for (value, column) in row.iter_mut().zip(&tile.exps) {
            *value = column[lane];
        }
        if let Some(target) = targets[lane] {
            row[target] -= of_loss[lane] as f32;
            row[tile.argmax[lane] as usize] = at_leader[lane];
        }
    }
}
