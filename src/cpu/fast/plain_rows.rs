//! Rows that need nothing but their softmax and one more number each: all of a thread's rows within one
//! choice of instructions, a few at a time, so that their logarithms are computed side by side.
//!
//! The bits are those of the loop over rows that serves every option.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::convert::widen;
use super::ln_1p::ln_1p;
use super::matrix::{Matrix, store_row};
use super::row_kernel::{SHORT, Top, scale_of};
use super::scratch::{Scratch, room, with_scratch};
use super::short_rows::{self, Column, ROWS};
use super::simd::{MOST_LANES, dispatch};
use super::softmax::{PART, Softmax, is_distant};
use super::stream;
use super::tail::Tail;
use super::tiled::Source;
use crate::element::for_each_element;
use crate::element::{Float, Values};

/// Elements of the rows that are computed together, which stay in a core's nearest cache.
const TOGETHER_ELEMENTS: usize = 1 << 12;

/// The most rows longer than [`SHORT`] that are computed together.
const MOST_LONG: usize = 16;

/// Of them, those that are looked through for their maxima before they are read again.
const LOOKED_THROUGH: usize = 1 << 10;

/// What becomes of a row.
pub(super) trait Plain: Sync {
    /// The classes that consecutive rows, at most [`ROWS`], are compared with; beyond all classes
    /// where there is none.
    fn targets(&self, rows: Range<usize>) -> [usize; ROWS];

    /// A row's result; `log` is that of the sum of the exponentials below the maximum, NaN where the
    /// softmax is undefined.
    fn result(&self, logits: &[f32], target: usize, maximum: f32, log: f32) -> f32;

    /// What turns the exponentials of consecutive rows into their gradients, but for what
    /// [`finish`](Self::finish) does; anything where the softmax is undefined.
    fn factors(&self, first: usize, rests: &[f32], into: &mut [f32]);

    /// Completes a row's gradient: of the target, and wherever there is no softmax or no target.
    fn finish(&self, row: (usize, usize), logits: &[f32], softmax: &Softmax, values: &mut [f32]);
}

/// Computes the rows; whether it did: long rows, and those that are transformed or compared with
/// others, are left alone.
pub(super) fn compute<G: Float>(
    source: Source<'_>,
    rows: Range<usize>,
    plain: &impl Plain,
    results: &mut [f32],
    matrix: &mut Option<Matrix<'_, G>>,
) -> bool {
    let shape = source.shape;
    let is_plain = source.transform.is_identity() && source.others.is_none();
    if !is_plain || shape.inner != 1 || !(1..=PART).contains(&shape.classes) {
        return false;
    }
    let is_streamed = matrix.as_ref().is_some_and(Matrix::is_streamed);
    // Outside, since a closure within would not have the choice of instructions.
    with_scratch(|scratch| match matrix {
        Some(_) => dispatch(Loop::<_, _, true> { source, rows, plain, results, matrix, scratch }),
        None => dispatch(Loop::<_, _, false> { source, rows, plain, results, matrix, scratch }),
    });
    if is_streamed {
        stream::finish();
    }
    true
}

struct Loop<'l, 'm, 's, P, G, const GRADIENT: bool> {
    source: Source<'s>,
    rows: Range<usize>,
    plain: &'l P,
    results: &'l mut [f32],
    matrix: &'l mut Option<Matrix<'m, G>>,
    scratch: &'l mut Scratch,
}

impl<P: Plain, G: Float, const GRADIENT: bool> WithSimd for Loop<'_, '_, '_, P, G, GRADIENT> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { source, rows, plain, results, matrix, scratch } = self;
        let classes = source.shape.classes;
        let is_short = classes <= SHORT;
        let together = match is_short {
            true => ROWS,
            false => (TOGETHER_ELEMENTS / classes).clamp(1, MOST_LONG),
        };
        let tail = Tail::of(simd, classes);
        let exps = room(&mut scratch.gradient, if GRADIENT { together * classes } else { 0 });
        let columns = room(&mut scratch.columns, if is_short { classes } else { 0 });
        let mut found = Found { maxima: [0.0; ROWS], rests: [0.0; ROWS] };
        for (index, results) in results.chunks_mut(together).enumerate() {
            let (at, count) = (index * together, results.len());
            let first = rows.start + at;
            let logits = read(&source, first, (at, count), matrix.as_ref(), &mut scratch.logits);
            let exps = if GRADIENT { &mut exps[..logits.len()] } else { &mut [] };
            match is_short {
                true => found.of_short::<S, GRADIENT>(simd, logits, columns),
                false => found.of_long::<S, GRADIENT>(simd, (logits, classes), exps, tail),
            }
            let logs = found.logs(count);
            let targets = plain.targets(first..first + count);
            let of_rows = logits.chunks_exact(classes).zip(&targets);
            let of_rows = of_rows.zip(found.maxima.iter().zip(&logs));
            for (result, ((row, &target), (&maximum, &log))) in results.iter_mut().zip(of_rows) {
                *result = plain.result(row, target, maximum, log);
            }
            if !GRADIENT {
                continue;
            }
            let mut factors = [0.0; ROWS];
            plain.factors(first, &found.rests[..count], &mut factors);
            if is_short {
                short_rows::scale(simd, columns, &factors);
                short_rows::to_rows(columns, classes, exps);
            } else {
                for (exps, factor) in exps.chunks_exact_mut(classes).zip(factors) {
                    scale_of(simd, exps, factor, tail);
                }
            }
            let softmaxes = found.maxima.iter().zip(&found.rests);
            let of_rows = logits.chunks_exact(classes).zip(exps.chunks_exact_mut(classes));
            let of_rows = of_rows.zip(targets.iter().zip(softmaxes)).zip(first..);
            for (((row, values), (&target, (&maximum, &rest))), index) in of_rows {
                let softmax = Softmax::of_rest(maximum, rest);
                plain.finish((index, target), row, &softmax, values);
            }
            if let Some(matrix) = matrix.as_mut() {
                store(matrix, at, exps, classes);
            }
        }
    }
}

/// The softmaxes of some rows.
struct Found {
    maxima: Column,
    rests: Column,
}

impl Found {
    /// Of rows up to [`SHORT`], class by class; with `STORE`, leaves their exponentials.
    #[inline(always)]
    fn of_short<S: Simd, const STORE: bool>(
        &mut self,
        simd: S,
        logits: &[f32],
        columns: &mut [Column],
    ) {
        let classes = columns.len();
        short_rows::to_columns(logits, classes, columns);
        let rows = (logits, size_of_val(logits));
        let (maxima, rests) = (&mut self.maxima, &mut self.rests);
        short_rows::states::<S, STORE>(simd, rows, columns, maxima, rests);
        let is_special = |rest: f32| rest.is_nan() || is_distant(rest.into(), classes);
        let count = logits.len() / classes;
        if rests[..count].iter().fold(false, |any, &rest| any | is_special(rest)) {
            for (lane, row) in logits.chunks_exact(classes).enumerate() {
                if is_special(rests[lane]) {
                    let softmax = Softmax::of(row);
                    (maxima[lane], rests[lane]) = (softmax.maximum, softmax.rest);
                }
            }
        }
    }

    /// Of rows longer than [`SHORT`]; with `STORE`, leaves their exponentials.
    #[inline(always)]
    fn of_long<S: Simd, const STORE: bool>(
        &mut self,
        simd: S,
        (logits, classes): (&[f32], usize),
        exps: &mut [f32],
        tail: Tail<S>,
    ) {
        let mut exps = exps.chunks_exact_mut(classes);
        let mut found = self.maxima.iter_mut().zip(&mut self.rests);
        let group = (LOOKED_THROUGH / classes).clamp(1, MOST_LONG);
        for rows in logits.chunks(group * classes) {
            let mut tops = [Top::EMPTY; MOST_LONG];
            for (top, row) in tops.iter_mut().zip(rows.chunks_exact(classes)) {
                *top = Top::of(simd, row, tail);
            }
            let behind = size_of_val(rows);
            let of_rows = rows.chunks_exact(classes).zip(tops).zip(&mut found);
            for ((row, top), (maximum, rest)) in of_rows {
                let exps = if STORE { exps.next().unwrap_or_default() } else { &mut [] };
                let softmax =
                    Softmax::new(row, top.state::<S, STORE>(simd, row, exps, tail, behind));
                (*maximum, *rest) = (softmax.maximum, softmax.rest);
            }
        }
    }

    /// The logarithms of the sums below the maxima of so many rows; NaN where the softmax is undefined.
    #[inline(always)]
    fn logs(&self, count: usize) -> Column {
        let mut logs = [0.0; ROWS];
        let (chunks, _) = logs.as_chunks_mut::<MOST_LANES>();
        let (rests, _) = self.rests.as_chunks::<MOST_LANES>();
        for (logs, rests) in chunks.iter_mut().zip(rests).take(count.div_ceil(MOST_LANES)) {
            for (log, &rest) in logs.iter_mut().zip(rests) {
                *log = if rest.is_nan() { f32::NAN } else { ln_1p(rest) };
            }
        }
        logs
    }
}

/// So many rows, one after the other: where they are, or copied. `at`: counted over the matrix's own.
#[inline(always)]
fn read<'a, G: Float>(
    source: &Source<'a>,
    first: usize,
    (at, count): (usize, usize),
    matrix: Option<&'a Matrix<'_, G>>,
    copy: &'a mut Vec<f32>,
) -> &'a [f32] {
    let shape = source.shape;
    let classes = shape.classes;
    let is_one_run = count == 1 || shape.row_stride == classes;
    let start = first * shape.row_stride;
    let of_matrix = || matrix.and_then(|matrix| matrix.in_order(at, count));
    if is_one_run {
        let found = match source.logits.map(|logits| logits.values()) {
            Some(Values::F32(values)) => Some(&values[start..start + count * classes]),
            Some(_) => None,
            // In place, logits and results are of the same type.
            None => of_matrix().and_then(|values| bytemuck::try_cast_slice(values).ok()),
        };
        if let (Some(found), true) = (found, shape.element == crate::element::Element::F32) {
            return found;
        }
    }
    let copy = room(copy, count * classes);
    match source.logits {
        Some(logits) => for_each_element!(Values, logits.values(), values => {
            if is_one_run {
                widen(&values[start..start + count * classes], copy);
            } else {
                for (row, into) in copy.chunks_exact_mut(classes).enumerate() {
                    widen(&values[start + row * shape.row_stride..][..classes], into);
                }
            }
        }),
        None => {
            let Some(matrix) = matrix else { return copy };
            match of_matrix() {
                Some(values) => widen(values, copy),
                None => {
                    for (row, into) in copy.chunks_exact_mut(classes).enumerate() {
                        matrix.load(at + row, into);
                    }
                }
            }
        }
    }
    copy
}

/// Rows that lie one after the other, to their places.
#[inline(always)]
fn store<G: Float>(matrix: &mut Matrix<'_, G>, at: usize, gradient: &[f32], classes: usize) {
    let is_streamed = matrix.is_streamed();
    if let Some(to) = matrix.rows(at, gradient.len() / classes) {
        return store_row(gradient, to, is_streamed);
    }
    for (row, values) in gradient.chunks_exact(classes).enumerate() {
        matrix.store(at + row, values);
    }
}
