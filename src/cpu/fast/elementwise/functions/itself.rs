//! What is there, as if it were a loss.

use pulp::Simd;

use super::{Function, Loss};
use crate::cpu::fast::lanes::Lanes;

/// The input.
pub(in crate::cpu::fast::elementwise) struct Itself;

impl Function for Itself {
    #[inline(always)]
    fn at<S: Simd>(&self, x: Lanes<S>, _: Lanes<S>, _: Lanes<S>) -> Loss<S> {
        Loss::new(x, x.all(1.0))
    }
}
