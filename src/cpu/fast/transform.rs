//! From the stored logits to those the softmax is taken of.

use super::simd::dispatch;
use super::tanh::tanh_and_slope;
use crate::ops::cross_entropy::CrossEntropy;

/// `y = softcap * tanh(scale * x / softcap)`.
#[derive(Clone, Copy)]
pub(super) struct Transform {
    /// `dy/dx` where there is no softcap.
    pub(super) scale: f32,
    pub(super) softcap: Option<f32>,
}

impl Transform {
    /// `y = x`.
    pub(super) const IDENTITY: Self = Self { scale: 1.0, softcap: None };

    pub(super) fn of(options: &CrossEntropy) -> Self {
        Self { scale: options.logit_scale, softcap: options.softcap }
    }

    pub(super) fn is_identity(&self) -> bool {
        self.scale == 1.0 && self.softcap.is_none()
    }

    /// What is found in stored logits that are ordered as the transformed ones, without the ties that
    /// rounding makes.
    pub(super) fn in_order(&self, row: &mut [f32], find: impl FnOnce(&[f32]) -> usize) -> usize {
        if self.scale > 0.0 {
            return find(row);
        }
        let sign = if self.scale < 0.0 { -1.0 } else { 0.0 };
        row.iter_mut().for_each(|x| *x *= sign);
        let found = find(row);
        if self.scale < 0.0 {
            row.iter_mut().for_each(|x| *x *= sign);
        }
        found
    }

    /// In place; `slopes`, unless empty, receives `dy/dx`.
    pub(super) fn apply(&self, row: &mut [f32], slopes: &mut [f32]) {
        dispatch(|| self.apply_scalar(row, slopes));
    }

    #[inline(always)]
    fn apply_scalar(&self, row: &mut [f32], slopes: &mut [f32]) {
        let Self { scale, softcap } = *self;
        let Some(softcap) = softcap else {
            row.iter_mut().for_each(|x| *x *= scale);
            slopes.fill(scale);
            return;
        };
        if slopes.is_empty() {
            row.iter_mut().for_each(|x| *x = softcap * tanh_and_slope(*x * scale / softcap).0);
        }
        for (x, slope) in row.iter_mut().zip(slopes) {
            let (tanh, of_tanh) = tanh_and_slope(*x * scale / softcap);
            (*x, *slope) = (softcap * tanh, scale * of_tanh);
        }
    }
}
