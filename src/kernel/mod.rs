//! Kernels: which there are ([`Variant`]), how one is linked from WGSL modules ([`link`](mod@link)), what it is
//! told ([`parameters`]) and given ([`bindings`]), and the cache of compiled pipelines ([`Kernels`]).

pub mod bindings;
mod cache;
pub mod link;
pub mod parameters;
mod scope;
mod trusted;
pub mod variant;

pub use cache::Kernels;
pub(crate) use cache::Pipeline;
pub(crate) use scope::guarded;
pub use variant::{
    Access, Family, Geometry, GradientKind, Operation, RowVariant, Team, TotalsKernel,
    TotalsVariant, UpstreamKind, Variant,
};
