//! Rows that need nothing but their softmax and one more number each: all of a thread's rows within one
//! choice of instructions, a few at a time, so that their logarithms are computed side by side.
//!
//! The bits are those of the loop over rows that serves every option.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::convert::widen;
use super::ln_1p::ln_1p;
use super::matrix::{Matrix, store_row};
use super::row_kernel::{SHORT, row_state, short_states};
use super::scratch::{Scratch, room, with_scratch};
use super::simd::dispatch;
use super::softmax::{PART, Softmax};
use super::stream;
use super::tiled::Source;
use crate::element::for_each_element;
use crate::{Float, Values};

/// The most rows that are computed together.
pub(super) const TOGETHER: usize = 16;

/// Their elements, which stay in a core's nearest cache.
const TOGETHER_ELEMENTS: usize = 1 << 12;

/// Of them, short rows of which every step is taken together.
const AT_ONCE: usize = 4;

/// What becomes of a row.
pub(super) trait Plain: Sync {
    /// What consecutive rows, at most [`TOGETHER`], are compared with.
    fn targets(&self, rows: Range<usize>) -> [Option<usize>; TOGETHER];

    /// A row's result; `log` is that of the sum of the exponentials below the maximum, NaN where the
    /// softmax is undefined.
    fn result(&self, logits: &[f32], target: Option<usize>, softmax: &Softmax, log: f32) -> f32;

    /// Turns the exponentials of a row, and of its target, into its gradient. Where the softmax is undefined they are anything.
    fn gradient<S: Simd>(
        &self,
        simd: S,
        row: (usize, Option<usize>),
        logits: &[f32],
        softmax: &Softmax,
        exps: &mut [f32],
    );
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
        let together = (TOGETHER_ELEMENTS / classes).clamp(1, TOGETHER);
        let gradient = room(&mut scratch.gradient, if GRADIENT { together * classes } else { 0 });
        for (index, results) in results.chunks_mut(together).enumerate() {
            let (at, count) = (index * together, results.len());
            let first = rows.start + at;
            let logits = read(&source, first, (at, count), matrix.as_ref(), &mut scratch.logits);
            let mut softmaxes = [Softmax::EMPTY; TOGETHER];
            let mut next = 0;
            while next < count {
                let at = next * classes;
                if classes <= SHORT && next + AT_ONCE <= count {
                    let rows = &logits[at..][..AT_ONCE * classes];
                    let exps = if GRADIENT { &mut gradient[at..][..rows.len()] } else { &mut [] };
                    let states = short_states::<S, GRADIENT, AT_ONCE>(simd, rows, exps);
                    for (of_row, state) in states.into_iter().enumerate() {
                        let row = &rows[of_row * classes..][..classes];
                        softmaxes[(next + of_row) % TOGETHER] = Softmax::new(row, state);
                    }
                    next += AT_ONCE;
                } else {
                    let row = &logits[at..][..classes];
                    let exps = if GRADIENT { &mut gradient[at..][..classes] } else { &mut [] };
                    let state = row_state::<S, GRADIENT>(simd, row, exps);
                    softmaxes[next % TOGETHER] = Softmax::new(row, state);
                    next += 1;
                }
            }
            let mut logs = [0.0; TOGETHER];
            for (log, softmax) in logs.iter_mut().zip(&softmaxes) {
                *log = softmax.rest;
            }
            for log in &mut logs {
                *log = if log.is_nan() { f32::NAN } else { ln_1p(*log) };
            }
            let targets = plain.targets(first..first + count);
            for (lane, row) in logits.chunks_exact(classes).enumerate() {
                let (softmax, target) = (&softmaxes[lane % TOGETHER], targets[lane % TOGETHER]);
                results[lane] = plain.result(row, target, softmax, logs[lane % TOGETHER]);
                if GRADIENT {
                    let exps = &mut gradient[lane * classes..][..classes];
                    plain.gradient(simd, (first + lane, target), row, softmax, exps);
                }
            }
            if let (true, Some(matrix)) = (GRADIENT, matrix.as_mut()) {
                store(matrix, at, &gradient[..count * classes], classes);
            }
        }
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
        if let (Some(found), true) = (found, shape.element == crate::Element::F32) {
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
