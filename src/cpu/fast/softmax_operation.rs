//! Softmax, log-softmax and their gradients.

use super::gradient::RowResult;
use super::matrix::{Holds, Matrix};
use super::memory::zeroed;
use super::simd::dispatch;
use super::softmax::Softmax;
use super::split::for_rows;
use super::tiled::{Source, for_each_row};
use super::transform::Transform;
use crate::element::{Float, OwnedValues};
use crate::error::Result;
use crate::logits::Logits;
use crate::ops::softmax::Softmax as SoftmaxOptions;

/// Of validated operands.
pub(super) fn evaluate<G: Float>(
    logits: Logits<'_>,
    upstream: Option<Logits<'_>>,
    options: &SoftmaxOptions,
) -> Result<OwnedValues> {
    let (shape, log) = (logits.shape(), options.log);
    let mut results = zeroed::<G>(options.name(), shape.rows * shape.classes)?;
    let source = Source {
        logits: Some(logits),
        shape,
        transform: Transform::IDENTITY,
        argmax: false,
        ranks: None,
        others: upstream,
        in_parts: false,
    };
    let matrix = Matrix::new(&mut results, shape.contiguous(), Holds::Zeros);
    for_rows(0..shape.occupied_rows(), shape, matrix, &|part, matrix| {
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
    Ok(G::owned(results))
}

/// `p (g - sum_c g_c p_c)` in place of the exponentials.
///
/// A constant added to `g` changes nothing, and one that is all of it must vanish exactly: `g` is
/// taken relative to one of its values. To that of a class that leads far, so that its term is gone,
/// and nothing cancels; else to the smallest. Either is no larger than twice the mean of `|g|`.
fn softmax_gradient(softmax: &Softmax, logits: &[f32], upstream: &[f32], exps: &mut [f32]) {
    let leader = match softmax.rest < 1.0 {
        true => Some(upstream[softmax.argmax(logits)]).filter(|leader| leader.is_finite()),
        false => None,
    };
    let reference = leader.map_or_else(|| smallest(upstream), f64::from);
    let inverse = 1.0 / (1.0 + f64::from(softmax.rest));
    let mean = sum_products(upstream, reference, exps) * inverse;
    dispatch(|| {
        for (exp, &g) in exps.iter_mut().zip(upstream) {
            *exp = ((f64::from(*exp) * inverse) * ((f64::from(g) - reference) - mean)) as f32;
        }
    });
}

/// The value of the smallest magnitude; 0 where nothing is finite.
fn smallest(upstream: &[f32]) -> f64 {
    // The sign behind the magnitude: a NaN's is beyond that of an infinity.
    let order = |g: f32| g.to_bits().rotate_left(1);
    let least =
        dispatch(|| upstream.iter().fold(order(f32::INFINITY), |least, &g| least.min(order(g))));
    match f32::from_bits(least.rotate_right(1)) {
        value if value.is_finite() => f64::from(value),
        _ => 0.0,
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

/// The sum of `(a - less) b`.
fn sum_products(a: &[f32], less: f64, b: &[f32]) -> f64 {
    let product = |a: f32, b: f32| (f64::from(a) - less) * f64::from(b);
    let ((a_chunks, a_tail), (b_chunks, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    dispatch(|| {
        for (a, b) in a_chunks.iter().zip(b_chunks) {
            for lane in 0..LANES {
                sums[lane] += product(a[lane], b[lane]);
            }
        }
    });
    let tail = a_tail.iter().zip(b_tail).map(|(&a, &b)| product(a, b));
    sums.into_iter().sum::<f64>() + tail.sum::<f64>()
}
