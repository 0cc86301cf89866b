//! Divergences of a row from a teacher's.

use std::marker::PhantomData;

use pulp::Simd;

use super::soften::{Room, Softened};
use super::terms::{Gradients, Term, Terms, add_up};
use super::{Batch, BatchRow, RowLoss};
use crate::cpu::fast::lanes::{Lanes, Mask};
use crate::cpu::fast::simd::dispatch;

/// A divergence of `p` from the teacher's `q`, class by class; `d = log q - log p`, infinite where one
/// of them has a logit of `-inf`, NaN where both have.
///
/// Derivatives are multiples of a unit, and values of its square. So `d` comes in these units, too: it
/// and its square may be too small for a number where these are not.
pub(super) trait Divergence: Copy {
    /// Whether the slopes are gradients already.
    const KNOWS_SUM: bool;

    /// Whether a class that only the teacher knows has an infinite part in the loss.
    const IS_UNBOUNDED: bool;

    /// A class's part of the loss, and its derivative in `log p`.
    fn of<S: Simd>(p: Lanes<S>, q: Lanes<S>, d: Apart<S>) -> (Lanes<S>, Lanes<S>);
}

/// `log q - log p`.
#[derive(Clone, Copy)]
pub(super) struct Apart<S: Simd> {
    d: Lanes<S>,
    in_units: Lanes<S>,
    unit: f32,
}

impl<S: Simd> Apart<S> {
    /// `q (exp(-d) - 1)` in units, where it is small.
    #[inline(always)]
    fn near_slope(self, q: Lanes<S>) -> Lanes<S> {
        let Self { d, in_units, .. } = self;
        q * in_units * d.mul_add(d.polynomial(EXCESS), d.all(-1.0))
    }
}

/// Kullback-Leibler.
#[derive(Clone, Copy)]
pub(super) struct KlDivergence;

/// Half of Jensen-Shannon's terms.
#[derive(Clone, Copy)]
pub(super) struct JensenShannon;

/// Minimax fit of `(d - 1 + exp(-d)) / d^2` over `|d| <= 1`, the highest power first: relative error
/// 2e-8.
const EXCESS: [f32; 8] = [
    -2.812_654_7e-6,
    2.535_864_4e-5,
    -1.983_698_6e-4,
    1.388_539_4e-3,
    -8.333_345e-3,
    4.166_673_5e-2,
    -1.666_666_7e-1,
    0.5,
];

/// Minimax fit of `((1 + t) log(1 + t) + (1 - t) log(1 - t)) / (2 d^2)` with `t = tanh(d / 2)` over
/// `d^2 <= 1`, the highest power first: relative error 3e-9.
const SHANNON: [f32; 6] =
    [-1.465_235_9e-6, 1.866_21e-5, -1.841_743e-4, 1.736_043_4e-3, -1.562_499_4e-2, 0.125];

/// Minimax fit of `log cosh(d / 2) / d^2` over `d^2 <= 1`, the highest power first: relative error
/// 5e-9.
const LN_COSH: [f32; 5] = [1.735_592_5e-6, -2.601_134_3e-5, 3.471_012e-4, -5.208_318e-3, 0.125];

/// Whether `|d| < 1`; not where it is NaN.
#[inline(always)]
fn is_near<S: Simd>(d: Lanes<S>) -> Mask<S> {
    d.size().is_below(d.all(1.0))
}

impl Divergence for KlDivergence {
    const KNOWS_SUM: bool = true;
    const IS_UNBOUNDED: bool = true;

    /// `q (d - 1 + exp(-d))`, which is never negative and adds up to the same; the gradient `p - q`.
    #[inline(always)]
    fn of<S: Simd>(p: Lanes<S>, q: Lanes<S>, apart: Apart<S>) -> (Lanes<S>, Lanes<S>) {
        let Apart { d, in_units, unit } = apart;
        let near = q * in_units * (in_units * d.polynomial(EXCESS));
        let far = p.all(0.0).is_below(q).select(q.mul_add(d - 1.0, p), p);
        let is_near = is_near(d);
        let value = is_near.select(near, far * (unit * unit));
        (value, is_near.select(apart.near_slope(q), (p - q) * unit))
    }
}

impl Divergence for JensenShannon {
    const KNOWS_SUM: bool = false;
    const IS_UNBOUNDED: bool = false;

    /// With `t = tanh(d / 2)` and `m` the mean, `q = m (1 + t)` and `p = m (1 - t)`; half of
    /// `m ((1 + t) log(1 + t) + (1 - t) log(1 - t))`, and its derivative `p log(1 - t) / 2`.
    #[inline(always)]
    fn of<S: Simd>(p: Lanes<S>, q: Lanes<S>, apart: Apart<S>) -> (Lanes<S>, Lanes<S>) {
        const LN_2: f32 = std::f32::consts::LN_2;
        let Apart { d, in_units, unit } = apart;
        let y = d * d;
        let near = in_units * in_units * y.polynomial(SHANNON);
        // log(1 - t) = -d / 2 - log cosh(d / 2)
        let near_log = in_units * (d.all(-0.5) - d * y.polynomial(LN_COSH));

        // Farther than 80 nothing is left of the smaller one; nor of both where this is NaN.
        let (size, most) = (d.size(), d.all(80.0));
        let size = size.is_below(most).select(size, most);
        let e = size.negative().exp_of_normal();
        let (l, inverse) = e.ln_1p_and_inverse();
        // log of 2 over 1 + e
        let rest = d.all(LN_2) - l;
        let far = rest - size * (e * inverse);
        let zero = d.all(0.0);
        let far_log = rest - zero.is_below(d).select(size, zero);

        let is_near = is_near(d);
        let half = p.all(0.5);
        let value = (p + q) * half * is_near.select(near, far * (unit * unit));
        (value, p * half * is_near.select(near_log, far_log * unit))
    }
}

/// What a row's classes have in common. Of each come the logits of student and teacher, then the
/// exponentials of both.
#[derive(Clone, Copy)]
struct Pair<D> {
    maxima: [f32; 2],
    inverse_totals: [f32; 2],
    /// What all differences of logits have in common.
    shift: f32,
    units: Units,
    /// The maxima are far apart: each logit's distance from its own counts.
    is_far: bool,
    of: PhantomData<D>,
}

/// Of differences of logarithms: the temperature `T`.
#[derive(Clone, Copy)]
struct Units {
    unit: f32,
    /// `unit / T`.
    of_logits: f32,
    /// `1 / unit`.
    inverse: f32,
}

impl<D> Pair<D> {
    /// `p`, `q`, and their logarithms' difference.
    #[inline(always)]
    fn class<S: Simd>(
        &self,
        [x, y, exp_x, exp_y]: [Lanes<S>; 4],
    ) -> (Lanes<S>, Lanes<S>, Apart<S>) {
        let Self { maxima: [m, n], inverse_totals, shift, units, is_far, .. } = *self;
        let (p, q) = (exp_x * inverse_totals[0], exp_y * inverse_totals[1]);
        // Where teacher and student are close, their difference loses no digit.
        let difference = if is_far { (y - n) - (x - m) } else { (y - x) - (n - m) };
        let in_units = (difference - shift) * units.of_logits;
        (p, q, Apart { d: in_units * units.inverse, in_units, unit: units.unit })
    }
}

/// In place of the loss the probability of classes near the teacher's, in place of derivatives how much
/// `q exp(-d)` is more than `q` there, and `p` elsewhere.
#[derive(Clone, Copy)]
struct Surplus(Pair<()>);

impl Terms<4> for Surplus {
    const ADDS_SLOPES: bool = true;

    #[inline(always)]
    fn at<S: Simd>(&self, of_class: [Lanes<S>; 4]) -> Term<S> {
        let (p, q, apart) = self.0.class(of_class);
        let is_near = is_near(apart.d);
        let slope = is_near.select(apart.near_slope(q), (p - q) * apart.unit);
        Term { value: is_near.select(p, p.all(0.0)), slope, is_unbounded: None }
    }
}

impl<D: Divergence> Terms<4> for Pair<D> {
    #[inline(always)]
    fn at<S: Simd>(&self, of_class: [Lanes<S>; 4]) -> Term<S> {
        let [x, y, ..] = of_class;
        let (p, q, apart) = self.class(of_class);
        let (value, slope) = D::of(p, q, apart);
        let is_unbounded = match D::IS_UNBOUNDED {
            true => Some(x.is(f32::NEG_INFINITY).and(y.all(f32::NEG_INFINITY).is_below(y))),
            false => None,
        };
        Term { value, slope, is_unbounded }
    }
}

pub(super) fn row<D: Divergence>(
    batch: &Batch<'_>,
    row: BatchRow<'_, '_>,
    memory: &mut Room,
    mut result: Option<&mut [f32]>,
) -> RowLoss {
    let BatchRow { row, logits, others } = row;
    let Room { exps: [exps, teacher_exps], .. } = memory;
    let (student, exps) = Softened::of(logits, batch.scale, exps);
    let (teacher, teacher_exps) = Softened::of(others, batch.scale, teacher_exps);
    if student.is_undefined() || teacher.is_undefined() {
        return RowLoss::Undefined;
    }
    let (temperature, unit) = (f64::from(batch.options.temperature), batch.options.unit());
    let pair = Pair {
        maxima: [student.maximum, teacher.maximum],
        inverse_totals: [student.inverse_total() as f32, teacher.inverse_total() as f32],
        shift: 0.0,
        units: Units {
            unit: unit as f32,
            of_logits: (unit / temperature) as f32,
            inverse: (1.0 / unit) as f32,
        },
        is_far: (teacher.maximum - student.maximum).abs() > 64.0,
        of: PhantomData,
    };
    let factor = if D::KNOWS_SUM { batch.factor(row) as f32 } else { 1.0 };
    let operands = [logits, others, exps, teacher_exps];
    let shift = temperature * totals_apart(pair, [student, teacher], operands, temperature);
    let Pair { maxima, inverse_totals, units, is_far, .. } = pair;
    let shift = shift as f32;
    let terms = Pair { maxima, inverse_totals, shift, units, is_far, of: PhantomData::<D> };
    let sums = add_up(terms, operands, factor, result.as_deref_mut());
    if let Some(slopes) = result.filter(|_| !D::KNOWS_SUM) {
        let factor = batch.factor(row);
        let of_exp = (factor * sums.slope * student.inverse_total()) as f32;
        dispatch(Gradients { slopes, exps, factor: factor as f32, of_exp });
    }
    RowLoss::Value(match sums.value {
        _ if sums.is_unbounded => f64::INFINITY,
        f64::INFINITY => {
            mean_distance(student.maximum, logits, teacher_exps, batch.scale)
                * (teacher.inverse_total() * unit * unit)
        }
        value => value,
    })
}

/// The logarithm of the ratio of the teacher's sum to the student's. Where the two are close, a
/// difference of logarithms near `log C` is too coarse: it follows there from
/// `sum_c q_c exp(-d_c) = 1`, with the digits of the differences themselves.
fn totals_apart(
    pair: Pair<()>,
    [student, teacher]: [Softened; 2],
    operands: [&[f32]; 4],
    temperature: f64,
) -> f64 {
    /// From this temperature on rows count as close.
    const WARM: f64 = 16.0;
    /// Below, where their sums' logarithms agree so well.
    const AGREEMENT: f64 = 4096.0;
    let apart = ((teacher.rest - student.rest) / (1.0 + student.rest)).ln_1p();
    let logarithms = student.log_total() + teacher.log_total();
    if temperature < WARM && apart.abs() * AGREEMENT > logarithms {
        return apart;
    }
    let sums = add_up(Surplus(pair), operands, 1.0, None);
    // Where most of the student lies far from the teacher, that is near enough.
    match sums.value < 0.5 {
        true => apart,
        false => -(sums.slope / (sums.value * f64::from(pair.units.unit))).ln_1p(),
    }
}

/// `sum_c exp_c (maximum - x_c) / T`: what is left of Kullback-Leibler's sum where logits lie so far
/// apart that no single-precision number tells how far.
#[cold]
fn mean_distance(maximum: f32, logits: &[f32], teacher_exps: &[f32], scale: f32) -> f64 {
    let distance = |&x: &f32| (f64::from(maximum) - f64::from(x)) * f64::from(scale);
    let terms = teacher_exps.iter().zip(logits).filter(|(exp, _)| **exp > 0.0);
    terms.map(|(&exp, x)| f64::from(exp) * distance(x)).sum()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use pulp::{Scalar128b, WithSimd};

    use super::*;

    struct Of<D>([f32; 3], PhantomData<D>);

    impl<D: Divergence> WithSimd for Of<D> {
        type Output = [f32; 2];

        fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
            let [p, q, d] = self.0.map(|number| Lanes::splat(simd, number));
            let (value, slope) = D::of(p, q, Apart { d, in_units: d, unit: 1.0 });
            let first = |lanes: Lanes<S>| bytemuck::cast_slice::<_, f32>(&[lanes.values])[0];
            [first(value), first(slope)]
        }
    }

    /// On this machine's vectors, and on the portable ones.
    fn of<D: Divergence>(p: f32, q: f32, d: f32) -> [[f32; 2]; 2] {
        let of = || Of([p, q, d], PhantomData::<D>);
        [dispatch(of()), of().with_simd(Scalar128b)]
    }

    /// Terms and slopes of all differences keep their digits, tiny ones too.
    #[test]
    fn divergences_are_within_some_ulp() {
        let sizes = (0..4000).map(|step| 1e-6 * 1.005f32.powi(step)).take_while(|&d| d < 60.0);
        for d in sizes.flat_map(|d| [d, -d]) {
            let exact = f64::from(d);
            // The larger one is 1/2.
            let (p, q) = (0.5 * (-exact).exp().min(1.0), 0.5 * exact.exp().min(1.0));
            let excess = match exact.abs() < 1e-3 {
                true => exact * exact * (0.5 - exact / 6.0 + exact * exact / 24.0),
                false => exact + (-exact).exp_m1(),
            };
            // With t = tanh(d / 2): 1 + t, and its logarithm; of -d those of 1 - t.
            let one_and = |d: f64| 2.0 / (1.0 + (-d).exp());
            let log = |d: f64| LN_2 - ((-d).max(0.0) + (-d.abs()).exp().ln_1p());
            let t = (exact / 2.0).tanh();
            let both = match exact.abs() < 1e-3 {
                true => t * t * (1.0 + t * t / 6.0),
                false => one_and(exact) * log(exact) + one_and(-exact) * log(-exact),
            };
            let close = |found: [[f32; 2]; 2], expected: [f64; 2]| {
                for (found, expected) in found.as_flattened().iter().zip(expected.iter().cycle()) {
                    let off = (f64::from(*found) / expected - 1.0).abs();
                    assert!(off <= 1e-6, "{found:e} and not {expected:e} at {d}");
                }
            };
            let (single_p, single_q) = (p as f32, q as f32);
            close(of::<KlDivergence>(single_p, single_q, d), [q * excess, -q * -(-exact).exp_m1()]);
            let slope = 0.5 * p * log(-exact);
            close(of::<JensenShannon>(single_p, single_q, d), [0.25 * (p + q) * both, slope]);
        }
    }

    #[test]
    fn classes_that_one_of_both_has_not() {
        const HALF_LN_2: f32 = 0.5 * std::f32::consts::LN_2;
        for [value, slope] in of::<KlDivergence>(0.25, 0.0, f32::NEG_INFINITY) {
            assert_eq!([value, slope], [0.25, 0.25]);
        }
        for [value, slope] in of::<KlDivergence>(0.0, 0.25, f32::INFINITY) {
            assert_eq!([value, slope], [f32::INFINITY, -0.25]);
        }
        for [value, slope] in of::<JensenShannon>(0.25, 0.0, f32::NEG_INFINITY) {
            assert_eq!([value, slope], [0.25 * HALF_LN_2, 0.25 * HALF_LN_2]);
        }
        for [value, slope] in of::<JensenShannon>(0.0, 0.25, f32::INFINITY) {
            assert_eq!([value, slope], [0.25 * HALF_LN_2, 0.0]);
        }
        let of_neither = [of::<KlDivergence>, of::<JensenShannon>].map(|of| of(0.0, 0.0, f32::NAN));
        assert_eq!(of_neither, [[[0.0; 2]; 2]; 2]);
    }
}
