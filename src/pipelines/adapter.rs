//! What plans and tunings know of a device, read off wgpu's description of it.

use crate::plan::{AdapterClass, Capabilities, SubgroupSizes};
#[cfg(feature = "serde")]
use crate::plan::{TunedAdapter, Tuning, TuningFile};

impl Capabilities {
    /// Reads them off a device's limits and features and its adapter's description.
    pub fn of(
        limits: &wgpu::Limits,
        features: wgpu::Features,
        adapter: &wgpu::AdapterInfo,
    ) -> Self {
        let sizes = SubgroupSizes {
            smallest: adapter.subgroup_min_size,
            largest: adapter.subgroup_max_size,
        };
        let usable = features.contains(wgpu::Features::SUBGROUP)
            && sizes.smallest.is_power_of_two()
            && sizes.largest.is_power_of_two();
        Self {
            class: match adapter.device_type {
                wgpu::DeviceType::Cpu => AdapterClass::Software,
                wgpu::DeviceType::IntegratedGpu => AdapterClass::Integrated,
                _ => AdapterClass::Discrete,
            },
            subgroups: usable.then_some(sizes),
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
            storage_alignment: limits.min_storage_buffer_offset_alignment.into(),
            uniform_alignment: limits.min_uniform_buffer_offset_alignment.into(),
            max_workgroups: limits.max_compute_workgroups_per_dimension,
            max_invocations: limits
                .max_compute_invocations_per_workgroup
                .min(limits.max_compute_workgroup_size_x),
            max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
            max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
        }
    }
}

#[cfg(feature = "serde")]
impl TunedAdapter {
    /// An adapter by its description and what plans may use of its device.
    pub fn new(info: &wgpu::AdapterInfo, capabilities: &Capabilities) -> Self {
        Self {
            name: info.name.clone(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            backend: info.backend.to_string(),
            class: capabilities.class,
            subgroups: capabilities.subgroups,
        }
    }
}

#[cfg(feature = "serde")]
impl TuningFile {
    /// A tuning that was measured on this adapter, by this version of the library.
    pub fn new(info: &wgpu::AdapterInfo, capabilities: &Capabilities, tuning: Tuning) -> Self {
        Self::of(TunedAdapter::new(info, capabilities), tuning)
    }

    /// Why the tuning is not meant for an adapter: what is another than it was measured with.
    pub fn difference(
        &self,
        info: &wgpu::AdapterInfo,
        capabilities: &Capabilities,
    ) -> Option<String> {
        self.difference_from(TunedAdapter::new(info, capabilities))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_web_gpu_is_what_wgpu_says() {
        for (class, device_type) in [
            (AdapterClass::Software, wgpu::DeviceType::Cpu),
            (AdapterClass::Integrated, wgpu::DeviceType::IntegratedGpu),
            (AdapterClass::Discrete, wgpu::DeviceType::DiscreteGpu),
            (AdapterClass::Discrete, wgpu::DeviceType::Other),
        ] {
            let mut adapter = wgpu::AdapterInfo::new(device_type, wgpu::Backend::Noop);
            adapter.device_type = device_type;
            let found =
                Capabilities::of(&wgpu::Limits::default(), wgpu::Features::empty(), &adapter);
            assert_eq!(found, Capabilities::web_gpu(class));
        }
    }
}
