//! Element-wise losses on the GPU against the oracle.

mod agreement;
mod custom;
#[path = "../common/device.rs"]
mod device;
mod embedded;
mod special;
