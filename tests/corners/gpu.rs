//! The same on the GPU: as it is, without subgroups, and forward then backward. Needs an adapter.

use wgpu_loss::runtime::TwoStep;

use super::*;
use crate::gpus::{gpu, gpu_without_subgroups};

on_engine!(fused, gpu(), Extent::of_devices(0));
on_engine!(without_subgroups, gpu_without_subgroups(), Extent::of_devices(1));
on_engine!(two_step, &TwoStep(gpu()), Extent::of_devices(2));
// A forward for states and a backward from them: `two_step` would be the same.
in_parts_on_engine!(in_parts, gpu(), Extent::of_devices(0));
