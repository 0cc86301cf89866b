//! From the exponentials of a row to its gradient.

use super::terms::Coefficients;

/// `dy/dx_c (a p_c - b u_c)` of each column `c`.
pub(super) struct RowGradient<'a> {
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

impl RowGradient<'_> {
    /// In place of the exponentials `exp(y_c - m)`.
    #[inline(always)]
    pub(super) fn write(&self, exps: &mut [f32]) {
        let scale = if self.slopes.is_some() { 1.0 } else { f64::from(self.scale) };
        let of_probability = self.of_probability * scale;
        let of_coefficient = self.of_coefficient * scale;
        let rest = f64::from(self.rest);
        let of_exp = of_probability / (1.0 + rest);
        let factor = of_exp as f32;
        match self.coefficients.all {
            None => exps.iter_mut().for_each(|exp| *exp *= factor),
            Some(all) => {
                let of_coefficient = of_coefficient as f32;
                for (exp, &coefficient) in exps.iter_mut().zip(all) {
                    *exp = *exp * factor - of_coefficient * coefficient;
                }
            }
        }
        if let Some((target, weight)) = self.coefficients.target {
            exps[target] -= (of_coefficient * weight) as f32;
        }
        if let Some(leader) = self.leader {
            // a p - b u with p = 1 - r / (1 + r): p - 1 would cancel where p is close to 1.
            let difference = self.weight - self.coefficients.at(leader);
            let at_one = self.of_z_loss * scale + of_coefficient * difference;
            exps[leader] = (at_one - of_exp * rest) as f32;
        }
        if let Some(slopes) = self.slopes {
            exps.iter_mut().zip(slopes).for_each(|(exp, slope)| *exp *= slope);
        }
    }
}
