//! What the planner may use of a device.

use crate::error::{Error, Result};

/// Adapters that want different geometries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AdapterClass {
    /// A driver that runs on the CPU: lavapipe, SwiftShader, WARP.
    Software,
    /// A GPU that shares the CPU's memory.
    Integrated,
    /// A GPU with memory of its own.
    Discrete,
}

/// Subgroup sizes a device may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct SubgroupSizes {
    /// The least.
    pub smallest: u32,
    /// The largest.
    pub largest: u32,
}

/// Limits and features of a device, as far as plans depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// The class of the adapter.
    pub class: AdapterClass,
    /// Subgroup sizes, where subgroup operations may be used.
    pub subgroups: Option<SubgroupSizes>,
    /// Bytes of a storage binding.
    pub max_binding_bytes: u64,
    /// Bytes of a buffer.
    pub max_buffer_bytes: u64,
    /// Alignment of a storage binding's offset, in bytes.
    pub storage_alignment: u64,
    /// Alignment of a uniform binding's offset, in bytes.
    pub uniform_alignment: u64,
    /// Workgroups in a dimension of a dispatch.
    pub max_workgroups: u32,
    /// Invocations of a workgroup.
    pub max_invocations: u32,
    /// Bytes of workgroup memory.
    pub max_workgroup_bytes: u32,
    /// Storage buffers of a kernel.
    pub max_storage_buffers: u32,
}

impl Capabilities {
    /// What every WebGPU device has: `Limits::default()` and no features.
    pub fn web_gpu(class: AdapterClass) -> Self {
        Self {
            class,
            subgroups: None,
            max_binding_bytes: 128 << 20,
            max_buffer_bytes: 256 << 20,
            storage_alignment: 256,
            uniform_alignment: 256,
            max_workgroups: 65_535,
            max_invocations: 256,
            max_workgroup_bytes: 16_384,
            max_storage_buffers: 8,
        }
    }

    /// Refuses a device that cannot run compute kernels over storage buffers, by the limit's name.
    pub(crate) fn validate(&self) -> Result<()> {
        let least = [
            ("max_storage_buffer_binding_size", self.max_binding_bytes, 1 << 16),
            ("max_compute_workgroups_per_dimension", self.max_workgroups.into(), 256),
            ("max_compute_invocations_per_workgroup", self.max_invocations.into(), 64),
            ("max_compute_workgroup_storage_size", self.max_workgroup_bytes.into(), 1 << 12),
            ("max_storage_buffers_per_shader_stage", self.max_storage_buffers.into(), 4),
        ];
        for (limit, available, needed) in least {
            if available < needed {
                return Err(Error::Limit { operation: "loss kernels", limit, needed, available });
            }
        }
        Ok(())
    }
}
