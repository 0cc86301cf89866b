//! Kernels: which there are ([`Variant`]), how one is linked from WGSL modules ([`link`](mod@link)), what it is
//! told ([`parameters`]) and given ([`bindings`]), and the cache of compiled pipelines ([`Kernels`]).

pub mod bindings;
mod cache;
pub mod link;
pub mod loss;
mod modules;
#[cfg(debug_assertions)]
mod mutation;
pub mod parameters;
mod record;
pub mod reduce;
mod scope;
pub mod softmax_loss;
mod split;
mod trusted;
pub mod variant;
pub mod wgsl;

pub use cache::Kernels;
pub(crate) use cache::Pipeline;
#[cfg(debug_assertions)]
#[doc(hidden)]
pub use mutation::Mutation;
pub use record::{Record, Word};
pub(crate) use scope::{guarded, is_lost, lost};
pub use variant::{
    Access, Comparison, Family, Geometry, GradientKind, GradientVariant, MergeVariant, Operation,
    Reduced, RowVariant, StateKind, TargetKind, Team, TotalsKernel, TotalsVariant, Transform,
    UpstreamKind, Variant,
};
