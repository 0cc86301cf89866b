//! Softmax, log-softmax and their gradients.

use super::gradient::RowResult;
use super::matrix::{Holds, Matrix};
use super::memory::zeroed;
use super::simd::dispatch;
use super::softmax::Softmax;
use super::split::for_rows;
use super::tiled::{Source, for_each_row};
use super::transform::Transform;
use crate::{Float, Logits, OwnedValues};

/// Of validated operands.
pub(super) fn evaluate<G: Float>(
    logits: Logits<'_>,
    upstream: Option<Logits<'_>>,
    log: bool,
) -> OwnedValues {
    let shape = logits.shape();
    let mut results = zeroed::<G>(shape.rows * shape.classes);
    let source = Source {
        logits: Some(logits),
        shape,
        transform: Transform::IDENTITY,
        argmax: false,
        others: upstream,
        in_parts: false,
    };
    let matrix = Matrix::new(&mut results, shape.contiguous(), Holds::Zeros);
    for_rows(0..shape.rows, shape, matrix, &|part, matrix| {
        for_each_row(source, part, Some(matrix), |row| {
            let logits = row.transformed.logits;
            let result = row.values.unwrap_or_default();
            let softmax = match upstream.is_none() && log {
                true => Softmax::of(logits),
                false => Softmax::with_exps(logits, result),
            };
            match (upstream, log) {
                _ if softmax.is_undefined() => return RowResult::Undefined,
                (None, false) => softmax.scale_exps(result, 1.0),
                (None, true) => {
                    let (maximum, log_of_sum) = (softmax.maximum, softmax.log_of_sum());
                    dispatch(|| {
                        for (result, &x) in result.iter_mut().zip(logits) {
                            *result = -((maximum - x) + log_of_sum);
                        }
                    });
                }
                (Some(_), false) => softmax_gradient(&softmax, logits, row.others, result),
                (Some(_), true) => log_softmax_gradient(&softmax, logits, row.others, result),
            }
            RowResult::Values
        });
    });
    G::owned(results)
}

/// `p (g - sum_c g_c p_c)` in place of the exponentials.
///
/// A constant added to `g` changes nothing: with that of the leading class gone, so is its term,
/// and nothing cancels however far it leads.
fn softmax_gradient(softmax: &Softmax, logits: &[f32], upstream: &mut [f32], exps: &mut [f32]) {
    let leader = upstream[softmax.argmax(logits)];
    upstream.iter_mut().for_each(|g| *g -= leader);
    let inverse = 1.0 / (1.0 + softmax.rest);
    let mean = (sum_products(upstream, exps) / (1.0 + f64::from(softmax.rest))) as f32;
    for (exp, g) in exps.iter_mut().zip(upstream) {
        *exp = (*exp * inverse) * (*g - mean);
    }
}

/// `g - p sum_c g_c` in place of the exponentials.
fn log_softmax_gradient(softmax: &Softmax, logits: &[f32], upstream: &[f32], exps: &mut [f32]) {
    let argmax = softmax.argmax(logits);
    let leader = f64::from(upstream[argmax]);
    let rest = f64::from(softmax.rest);
    let before = sum(&upstream[..argmax]);
    let others = before + sum(&upstream[argmax + 1..]);
    let factor = ((others + leader) / (1.0 + rest)) as f32;
    for (exp, g) in exps.iter_mut().zip(upstream) {
        *exp = g - *exp * factor;
    }
    // Not g - p sum, which cancels where p is close to 1.
    exps[argmax] = ((others + leader) * (rest / (1.0 + rest)) - others) as f32;
}

/// Lanes of double precision, added up in an order that the length fixes.
const LANES: usize = 8;

fn sum(values: &[f32]) -> f64 {
    let (chunks, tail) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += f64::from(chunk[lane]);
        }
    }
    sums.into_iter().sum::<f64>() + tail.iter().map(|&value| f64::from(value)).sum::<f64>()
}

fn sum_products(a: &[f32], b: &[f32]) -> f64 {
    let ((a_chunks, a_tail), (b_chunks, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let tail = a_tail.iter().zip(b_tail).map(|(&a, &b)| f64::from(a) * f64::from(b));
    sums.into_iter().sum::<f64>() + tail.sum::<f64>()
}
