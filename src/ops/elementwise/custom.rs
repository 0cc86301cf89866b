//! Losses that callers bring along.

use crate::error::{Error, Result};
use crate::kernel::loss::{CustomModule, Unfit};
use crate::kernel::wgsl::line_at;

/// A loss of the caller's: a WGSL module for the GPU and a function for the CPU engines.
///
/// The module defines `fn loss_of(x: f32, t: f32, third: f32) -> Loss`, which returns
/// `Loss(value, derivative in x, 0.0)`, and whatever that calls. It binds nothing and has no entry
/// point. [`check`](Self::check) holds module, function and derivatives against each other.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{CustomLoss, Elementwise, ElementwiseLoss, Engine, Logits, LossFunction, cpu};
/// /// log(cosh(x - t)): like the squared error near 0, like the absolute one far from it.
/// const LOG_COSH: CustomLoss = CustomLoss {
///     name: "log-cosh",
///     wgsl: "
///         fn loss_of(x: f32, t: f32, third: f32) -> Loss {
///             let error = abs(x - t);
///             let value = error + log1p_of(exp_of(-2.0 * error)) - 0.6931472;
///             return Loss(value, tanh_of(x - t), 0.0);
///         }",
///     parameters: [0.0; 4],
///     function: |x, t, _| {
///         let error = (x - t).abs();
///         [error + (-2.0 * error).exp().ln_1p() - 2.0_f64.ln(), (x - t).tanh()]
///     },
/// };
/// let x = Logits::new(&[1.5, 100.0], 2, 1)?;
/// let t = Logits::new(&[1.0, 0.0], 2, 1)?;
/// let loss = ElementwiseLoss::unreduced(LossFunction::Custom(LOG_COSH));
/// let out = cpu::Fast.elementwise_loss(&Elementwise::new(x, t), &loss)?;
/// assert_eq!(out.values, [0.120_114_507, 99.306_853]);
/// # Ok(())
/// # }
/// ```
///
#[doc = include_str!("../../../docs/custom-loss.md")]
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
    /// The module as kernels know it.
    pub(crate) fn module(&self) -> CustomModule {
        CustomModule { name: self.name, wgsl: self.wgsl }
    }

    /// Value and derivative as the CPU engines have them: of operands that are not finite NaN, unless
    /// the module says what becomes of them.
    #[cfg(any(feature = "cpu", feature = "runtime"))]
    pub(crate) fn evaluate(&self, x: f64, t: f64) -> [f64; 2] {
        if (x.is_finite() && t.is_finite()) || self.module().handles_special() {
            (self.function)(x, t, self.parameters.map(f64::from))
        } else {
            [f64::NAN; 2]
        }
    }

    /// Refuses what a module may not hold, and what browsers refuse. The rest is up to the device.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |expected: &str, found: &str| {
            Err(Error::invalid(self.name, "loss module", expected, found))
        };
        match self.module().validate() {
            Ok(()) => Ok(()),
            Err(Unfit::NoLoss) => {
                refuse("a function `loss_of(x: f32, t: f32, third: f32) -> Loss`", "none")
            }
            Err(Unfit::OfKernel(attribute)) => {
                refuse("no bindings and no entry points", &format!("`{attribute}`"))
            }
            Err(Unfit::Wrong(fault)) => {
                let (line, text) = line_at(self.wgsl, fault.at);
                let (reason, text) = (fault.reason, text.to_owned());
                Err(Error::Wgsl { operation: self.name, line, reason, text })
            }
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
