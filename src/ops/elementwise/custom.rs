//! Losses that callers bring along.

use crate::{Error, Result};

/// A loss of the caller's: a WGSL module for the GPU and a function for the CPU engines.
///
/// The module defines `fn loss_of(x: f32, t: f32, third: f32) -> Loss`, which returns
/// `Loss(value, derivative in x, 0.0)`, and whatever that calls; it may read the four numbers of
/// `parameters.loss`, and call the functions of `shaders/numeric.wgsl`. It binds nothing and has no
/// entry point. Input and target are finite: of others the loss and its derivative are NaN.
#[derive(Clone, Copy, Debug)]
pub struct CustomLoss {
    /// The name in errors and labels.
    pub name: &'static str,
    /// The module's source.
    pub wgsl: &'static str,
    /// Four numbers that the loss may depend on.
    pub parameters: [f32; 4],
    /// Value and derivative in `x` of an input, a target and the parameters.
    pub function: fn(f64, f64, [f64; 4]) -> [f64; 2],
}

impl CustomLoss {
    /// Refuses what a module may not hold. The rest is up to the device, which says what it does not
    /// understand.
    pub(super) fn check(&self) -> Result<()> {
        if !self.wgsl.contains("fn loss_of") {
            let expected = "a function `loss_of(x: f32, t: f32, third: f32) -> Loss`";
            return Err(Error::invalid(self.name, "loss module", expected, "none"));
        }
        let refused = ["@group", "@compute", "@workgroup_size"];
        match refused.into_iter().find(|word| self.wgsl.contains(word)) {
            Some(word) => {
                let expected = "no bindings and no entry points";
                Err(Error::invalid(self.name, "loss module", expected, format!("`{word}`")))
            }
            None => Ok(()),
        }
    }
}

impl PartialEq for CustomLoss {
    /// By name, module and parameters.
    fn eq(&self, other: &Self) -> bool {
        let key = |loss: &Self| (loss.name, loss.wgsl, loss.parameters);
        key(self) == key(other)
    }
}
