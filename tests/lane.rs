//! That the tests run on what their lane says, and not on what happens to be there. Needs an
//! adapter. `cargo xtask lanes` shows the line that this prints.

#[path = "common/device.rs"]
mod device;

use wgpu_loss::wgpu::{Backends, DeviceDescriptor, Features, InstanceFlags, Limits};
use wgpu_loss::{Error, Gpu, runtime};

#[test]
fn the_device_is_what_the_lane_says() {
    let gpu = device::new_gpu();
    let info = gpu.adapter_info();
    let capabilities = gpu.kernels().capabilities();
    let subgroups = match capabilities.subgroups {
        None => "no subgroups".to_owned(),
        Some(sizes) if sizes.smallest == sizes.largest => format!("subgroups of {}", sizes.largest),
        Some(sizes) => format!("subgroups of {} to {}", sizes.smallest, sizes.largest),
    };
    println!("lane: {}, {}, {subgroups}", info.name, info.backend);

    if let Some(backends) = Backends::from_env() {
        assert!(backends.contains(info.backend.into()), "{backends:?} were asked for: {info:?}");
    }
    let wanted = std::env::var("WGPU_ADAPTER_NAME").unwrap_or_default().to_lowercase();
    assert!(info.name.to_lowercase().contains(&wanted), "{wanted} was asked for: {info:?}");
    let flags = InstanceFlags::empty().with_env();
    if device::is_minimal() || flags.contains(InstanceFlags::STRICT_WEBGPU_COMPLIANCE) {
        assert_eq!(capabilities.subgroups, None);
    }
    if device::is_minimal() {
        assert_eq!(gpu.device().features(), Features::empty());
        assert_eq!(gpu.device().limits(), Limits::default());
    }
}

/// Devices as small as a driver may have them, made on this one.
#[test]
fn a_device_too_small_is_refused_by_the_limits_name() {
    let adapter = runtime::adapters().into_iter().next().expect("an adapter, as for `Gpu::new`");
    let least = Limits::default();
    for (required_limits, name, few) in [
        (
            Limits { max_storage_buffers_per_shader_stage: 3, ..least.clone() },
            "max_storage_buffers_per_shader_stage",
            3,
        ),
        (
            Limits { max_storage_buffer_binding_size: 1 << 12, ..least.clone() },
            "max_storage_buffer_binding_size",
            1 << 12,
        ),
        (
            Limits { max_compute_workgroup_storage_size: 1 << 10, ..least.clone() },
            "max_compute_workgroup_storage_size",
            1 << 10,
        ),
        (
            Limits { max_compute_invocations_per_workgroup: 32, ..least.clone() },
            "max_compute_invocations_per_workgroup",
            32,
        ),
        (
            Limits { max_compute_workgroups_per_dimension: 100, ..least.clone() },
            "max_compute_workgroups_per_dimension",
            100,
        ),
    ] {
        let descriptor = DeviceDescriptor { required_limits, ..DeviceDescriptor::default() };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).expect("less than there is");
        let error = Gpu::from_device(device, queue).map(drop).expect_err(name);
        let Error::Limit { limit, needed, available, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*limit, *available), (name, few));
        assert!(needed > available, "{error}");
        let message = error.to_string();
        for part in [name.to_owned(), needed.to_string(), available.to_string()] {
            assert!(message.contains(&part), "{part}: {message}");
        }
    }
}
