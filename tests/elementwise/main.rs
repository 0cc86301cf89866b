//! Element-wise losses on the GPU against the oracle.

mod agreement;
mod custom;
#[path = "../common/device.rs"]
mod device;
mod embedded;
#[path = "../common/memory.rs"]
mod memory;
mod passes;
mod special;
