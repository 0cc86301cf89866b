//! The same on the GPU: as it is, without subgroups, and forward then backward. Needs an adapter.

use wgpu_loss::runtime::TwoStep;

use super::*;
use crate::gpus::{gpu, gpu_without_subgroups};

on_engine!(fused, gpu());
on_engine!(without_subgroups, gpu_without_subgroups());
on_engine!(two_step, &TwoStep(gpu()));
elementwise_on_engine!(elementwise, gpu());
