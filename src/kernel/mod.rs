//! Kernels: which there are ([`Variant`]), how one is linked from WGSL modules ([`link`](mod@link)), what it is
//! told ([`parameters`]) and given ([`bindings`]).

pub mod bindings;
pub mod link;
// Explaining the WGSL of a caller's loss takes naga, which the web goes without.
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
pub mod loss;
#[cfg(test)]
mod module_kinds;
mod modules;
#[cfg(debug_assertions)]
mod mutation;
pub mod parameters;
mod record;
pub mod reduce;
pub mod softmax_loss;
mod split;
#[cfg(feature = "serde")]
mod team_name;
mod totals;
pub mod variant;
pub mod wgsl;

#[cfg(debug_assertions)]
#[doc(hidden)]
pub use mutation::Mutation;
pub use record::{Record, Word};
pub use variant::{
    Access, Comparison, Family, Geometry, GradientKind, GradientVariant, MergeVariant, Operation,
    Reduced, RowVariant, StateKind, TargetKind, Team, TotalsKernel, TotalsVariant, Transform,
    UpstreamKind, Variant,
};
