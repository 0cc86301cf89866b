//! Divergences of a row from a teacher's.

use std::marker::PhantomData;

use super::soften::{Room, Softened};
use super::terms::{AddUp, Gradients, Terms};
use super::{Batch, BatchRow, RowLoss};
use crate::cpu::fast::exp::exp;
use crate::cpu::fast::ln_1p::ln_1p;
use crate::cpu::fast::scratch::room;
use crate::cpu::fast::simd::dispatch;

/// A divergence of `p` from the teacher's `q`, class by class; `d = log q - log p`.
pub(super) trait Divergence: Copy {
    /// Whether the slopes are gradients already.
    const KNOWS_SUM: bool;

    /// A class's part of the loss, and its derivative in `log p`.
    fn of(p: f32, q: f32, d: f32) -> (f32, f32);

    /// The same where `p` or `q` is 0 because its logit is `-inf`.
    fn without(p: f32, q: f32) -> (f32, f32);
}

/// Kullback-Leibler.
#[derive(Clone, Copy)]
pub(super) struct KlDivergence;

/// Half of Jensen-Shannon's terms.
#[derive(Clone, Copy)]
pub(super) struct JensenShannon;

/// `d - 1 + exp(-d)` for `|d| <= 1`: `d^2` times a polynomial of relative error 2e-8.
#[inline(always)]
fn excess(d: f32) -> f32 {
    let mut g = 2.535_864_4e-5 - 2.812_654_7e-6 * d;
    g = g * d - 1.983_698_6e-4;
    g = g * d + 1.388_539_4e-3;
    g = g * d - 8.333_345e-3;
    g = g * d + 4.166_673_5e-2;
    g = g * d - 1.666_666_7e-1;
    (g * d + 0.5) * (d * d)
}

impl Divergence for KlDivergence {
    const KNOWS_SUM: bool = true;

    /// `q (d - 1 + exp(-d))`, which is never negative and adds up to the same; the gradient `p - q`.
    #[inline(always)]
    fn of(p: f32, q: f32, d: f32) -> (f32, f32) {
        let near = d.clamp(-1.0, 1.0);
        let small = excess(near);
        let is_near = d == near;
        let far = if q > 0.0 { q * (d - 1.0) + p } else { p };
        (if is_near { q * small } else { far }, if is_near { q * (small - near) } else { p - q })
    }

    #[inline(always)]
    fn without(p: f32, q: f32) -> (f32, f32) {
        (p, p - q)
    }
}

impl Divergence for JensenShannon {
    const KNOWS_SUM: bool = false;

    /// With `t = tanh(d / 2)` and `m` the mean, `q = m (1 + t)` and `p = m (1 - t)`; half of
    /// `m ((1 + t) log(1 + t) + (1 - t) log(1 - t))`, and its derivative `p log(1 - t) / 2`.
    #[inline(always)]
    fn of(p: f32, q: f32, d: f32) -> (f32, f32) {
        const LN_2: f32 = std::f32::consts::LN_2;
        let near = d.clamp(-1.0, 1.0);
        let is_near = d == near;
        let part = near - excess(near);
        let t = part / (2.0 - part);
        let y = t * t;
        let mut h = y * (1.0 / 120.0) + 1.0 / 91.0;
        h = h * y + 1.0 / 66.0;
        h = h * y + 1.0 / 45.0;
        h = h * y + 1.0 / 28.0;
        h = h * y + 1.0 / 15.0;
        h = h * y + 1.0 / 6.0;
        h = (h * y + 1.0) * y;
        // log(1 - t) = (log(1 - t^2) - d) / 2, and 1 / (1 - t^2) = 1 + y / (1 - y).
        let near_log = -0.5 * (ln_1p(y / (1.0 - y)) + near);

        let magnitude = d.abs().min(100.0);
        let e = exp(-magnitude);
        let l = ln_1p(e);
        let far = 2.0 * ((LN_2 - l) - magnitude * e / (1.0 + e));
        let far_log = (LN_2 - l) - if d > 0.0 { magnitude } else { 0.0 };

        let mean = 0.5 * (p + q);
        (
            0.5 * mean * if is_near { h } else { far },
            0.5 * p * if is_near { near_log } else { far_log },
        )
    }

    #[inline(always)]
    fn without(p: f32, q: f32) -> (f32, f32) {
        const HALF_LN_2: f32 = 0.5 * std::f32::consts::LN_2;
        (HALF_LN_2 * (p + q), HALF_LN_2 * p)
    }
}

/// A row of logits and the teacher's, with the exponentials of both.
#[derive(Clone, Copy)]
struct Pair<'a, D> {
    logits: [&'a [f32]; 2],
    exps: [&'a [f32]; 2],
    maxima: [f32; 2],
    inverse_totals: [f32; 2],
    /// Of the teacher's, less that of the logits.
    log_totals: f32,
    /// `1 / T`.
    scale: f32,
    /// The maxima are far apart: each logit's distance from its own counts.
    is_far: bool,
    of: PhantomData<D>,
}

impl<D: Divergence> Terms for Pair<'_, D> {
    #[inline(always)]
    fn at(&self, class: usize) -> (f32, f32, bool) {
        let ([x, y], [m, n]) = (self.logits.map(|row| row[class]), self.maxima);
        let p = self.exps[0][class] * self.inverse_totals[0];
        let q = self.exps[1][class] * self.inverse_totals[1];
        // Where teacher and student are close, their difference loses no digit.
        let near = (y - x) - (n - m);
        let far = (y - n) - (x - m);
        let difference = if self.is_far { far } else { near };
        let d = (difference * self.scale - self.log_totals).clamp(-1e37, 1e37);
        let has_none = (x == f32::NEG_INFINITY) | (y == f32::NEG_INFINITY);
        let is_infinite = (x == f32::NEG_INFINITY) & (y > f32::NEG_INFINITY);
        let (value, slope) = D::of(p, q, d);
        let (value_without, slope_without) = D::without(p, q);
        let value = if has_none { value_without } else { value };
        let slope = if has_none { slope_without } else { slope };
        (value, slope, is_infinite)
    }
}

pub(super) fn row<D: Divergence>(
    batch: &Batch<'_>,
    row: BatchRow<'_, '_>,
    memory: &mut Room,
    result: Option<&mut [f32]>,
) -> RowLoss {
    let BatchRow { row, logits, others } = row;
    let Room { exps: [exps, teacher_exps], scaled, slopes, .. } = memory;
    let (student, exps) = Softened::of(logits, batch.scale, scaled, exps);
    let (teacher, teacher_exps) = Softened::of(others, batch.scale, scaled, teacher_exps);
    if student.is_undefined() || teacher.is_undefined() {
        return RowLoss::Undefined;
    }
    let pair = Pair {
        logits: [logits, others],
        exps: [exps, teacher_exps],
        maxima: [student.maximum, teacher.maximum],
        inverse_totals: [student.inverse_total() as f32, teacher.inverse_total() as f32],
        log_totals: (teacher.log_total() - student.log_total()) as f32,
        scale: batch.scale,
        is_far: (teacher.maximum - student.maximum).abs() > 64.0,
        of: PhantomData::<D>,
    };
    let factor = if D::KNOWS_SUM { batch.factor(row) as f32 } else { 1.0 };
    let has_gradient = result.is_some();
    let slopes = result.unwrap_or_else(|| room(slopes, logits.len()));
    let sums = dispatch(AddUp { terms: pair, factor, slopes });
    if has_gradient && !D::KNOWS_SUM {
        let factor = batch.factor(row);
        let of_exp = (factor * sums.slope * student.inverse_total()) as f32;
        dispatch(Gradients { slopes, exps, factor: factor as f32, of_exp });
    }
    // Of Jensen-Shannon no term is infinite.
    let is_infinite = D::KNOWS_SUM && sums.is_unbounded;
    RowLoss::Value(if is_infinite { f64::INFINITY } else { sums.value })
}
