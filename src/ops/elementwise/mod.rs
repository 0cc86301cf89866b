//! Element-wise losses: binary cross-entropy, focal, divergences, regression; what is asked of them,
//! what they return, and their verbs.
//!
//! # Adding a loss
//! One kernel evaluates all of them, forward, backward or both; a loss is a module that is linked
//! into it. A loss of the crate's is four things:
//!
//! 1. `shaders/loss/NAME.wgsl`: `loss_of(x, t, third) -> Loss`, which gives the value and the
//!    derivative in `x` of finite operands, and `special_loss_of`, which gives them by bits where an
//!    operand is infinite or NaN (`special.wgsl` has IEEE arithmetic on bits);
//! 2. a row of [`LossFunction`] and of `kernel::loss::LossKind`, which names the module;
//! 3. its formula in double precision in `cpu/oracle/elementwise/functions.rs`, by which everything
//!    is judged;
//! 4. its vectors in `cpu/fast/elementwise`.
//!
//! The tests then take it through every form, layout and element type (`tests/elementwise`).
//!
//! A loss of a caller's needs no change here: [`CustomLoss`] is the module's text and a function. Its
//! page tells which functions modules may call, and which traps they had better avoid.
//!
//! ```
//! # fn main() -> wgpu_loss::Result<()> {
//! use wgpu_loss::{CustomLoss, Elementwise, ElementwiseLoss, Engine, Logits, LossFunction, cpu};
//! /// The pinball loss of a quantile, which is the first parameter.
//! const PINBALL: CustomLoss = CustomLoss {
//!     name: "pinball",
//!     wgsl: "
//!         fn loss_of(x: f32, t: f32, third: f32) -> Loss {
//!             let quantile = parameters.loss.x;
//!             let slope = select(quantile, quantile - 1.0, t < x);
//!             return Loss(slope * (t - x), -slope, 0.0);
//!         }",
//!     parameters: [0.9, 0.0, 0.0, 0.0],
//!     function: |x, t, [quantile, ..]| {
//!         let slope = if t < x { quantile - 1.0 } else { quantile };
//!         [slope * (t - x), -slope]
//!     },
//! };
//! let predictions = Logits::new(&[1.0, 3.0], 2, 1)?;
//! let observed = Logits::new(&[2.0, 2.0], 2, 1)?;
//! let loss = ElementwiseLoss::new(LossFunction::Custom(PINBALL));
//! let out = cpu::Fast.elementwise_loss(&Elementwise::new(predictions, observed), &loss)?;
//! assert_eq!(out.values, [0.5]);
//! # Ok(())
//! # }
//! ```

mod bind;
mod custom;
mod function;
mod kernel_terms;
mod kinds;
mod layout;
mod operands;
mod options;
mod output;
#[cfg(feature = "runtime")]
pub(crate) mod pieces;
mod plan;
mod stages;
pub(crate) mod validate;
mod write;

#[cfg(feature = "runtime")]
pub(crate) use kinds::WholeLoss;

pub use custom::CustomLoss;
pub use function::LossFunction;
pub use layout::{ElementwiseLayout, ElementwisePass};
pub use operands::{Elementwise, ElementwiseUpstream, ElementwiseUpstreamLayout};
pub use options::{ElementwiseLoss, ElementwiseReduction};
pub use output::{BinaryCounts, ElementwiseOutput};
pub use plan::{ElementwiseOperands, ElementwisePlan};
