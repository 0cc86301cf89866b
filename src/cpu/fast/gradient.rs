//! From the exponentials of a row to its gradient.

use super::row_kernel::scale;
use super::simd::dispatch;
use super::softmax::exps_below;
use super::terms::Coefficients;

/// What a row's results, one for each logit, are.
pub(super) enum RowResult<'a> {
    /// What stands in the row's room already.
    Values,
    Zero,
    Undefined,
    /// `factor exp(x - maximum)`.
    Scaled {
        maximum: f32,
        factor: f32,
    },
    /// 0 times the factor, beside a `+inf`, which has NaN.
    BesideInfinity {
        factor: f32,
    },
    Gradient(RowGradient<'a>),
}

/// `dy/dx_c (a p_c - b u_c)` of each column `c`.
pub(super) struct RowGradient<'a> {
    /// That the exponentials are below.
    pub(super) maximum: f32,
    /// `r` of the row's softmax.
    pub(super) rest: f32,
    /// The column whose exponential is exactly 1 because its logit is the maximum.
    pub(super) leader: Option<usize>,
    /// `a`: the loss's factor times `sum_c u_c`, and the z-loss's part.
    pub(super) of_probability: f64,
    /// The z-loss's part of `a`.
    pub(super) of_z_loss: f64,
    /// `U = sum_c u_c`.
    pub(super) weight: f64,
    /// `b`: the loss's factor.
    pub(super) of_coefficient: f64,
    pub(super) coefficients: Coefficients<'a>,
    /// `dy/dx` where it is the same for all columns.
    pub(super) scale: f32,
    /// `dy/dx`.
    pub(super) slopes: Option<&'a [f32]>,
}

impl RowResult<'_> {
    /// Of the columns from `first` on, in place of the exponentials, which are computed where
    /// `values` does not hold them.
    pub(super) fn write(&self, logits: &[f32], first: usize, values: &mut [f32], has_exps: bool) {
        match self {
            Self::Values => {}
            Self::Zero => values.fill(0.0),
            Self::Undefined => values.fill(f32::NAN),
            Self::Scaled { maximum, factor } => {
                if !has_exps {
                    exps_below(logits, *maximum, values);
                }
                scale(values, *factor);
            }
            Self::BesideInfinity { factor } => {
                for (value, &logit) in values.iter_mut().zip(logits) {
                    *value = if logit < f32::INFINITY { 0.0 * factor } else { f32::NAN };
                }
            }
            Self::Gradient(gradient) => {
                if !has_exps {
                    exps_below(logits, gradient.maximum, values);
                }
                gradient.write(first, values);
            }
        }
    }
}

impl RowGradient<'_> {
    /// Of the columns from `first` on, in place of the exponentials `exp(y_c - m)`.
    pub(super) fn write(&self, first: usize, exps: &mut [f32]) {
        let scale_of_all = if self.slopes.is_some() { 1.0 } else { f64::from(self.scale) };
        let of_probability = self.of_probability * scale_of_all;
        let of_coefficient = self.of_coefficient * scale_of_all;
        let rest = f64::from(self.rest);
        let of_exp = of_probability / (1.0 + rest);
        let factor = of_exp as f32;
        match self.coefficients.all {
            None => scale(exps, factor),
            Some(all) => {
                let of_coefficient = of_coefficient as f32;
                let all = &all[first..];
                dispatch(|| {
                    for (exp, &coefficient) in exps.iter_mut().zip(all) {
                        *exp = *exp * factor - of_coefficient * coefficient;
                    }
                });
            }
        }
        if let Some((target, weight)) = self.coefficients.target
            && let Some(value) = exps.get_mut(target.wrapping_sub(first))
        {
            *value -= (of_coefficient * weight) as f32;
        }
        if let Some(leader) = self.leader
            && let Some(value) = exps.get_mut(leader.wrapping_sub(first))
        {
            // a p - b u with p = 1 - r / (1 + r): p - 1 would cancel where p is close to 1.
            let difference = self.weight - self.coefficients.at(leader);
            let at_one = self.of_z_loss * scale_of_all + of_coefficient * difference;
            *value = (at_one - of_exp * rest) as f32;
        }
        if let Some(slopes) = self.slopes {
            let slopes = &slopes[first..];
            dispatch(|| exps.iter_mut().zip(slopes).for_each(|(exp, slope)| *exp *= slope));
        }
    }
}
