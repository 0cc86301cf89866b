//! Finding an adapter.

#[cfg(not(target_arch = "wasm32"))]
use std::sync::{Mutex, PoisonError};

use wgpu::{Adapter, Backends, DeviceType, Instance, InstanceDescriptor};

use crate::error::{Error, Result};

const ADVICE: &str = if cfg!(target_os = "linux") {
    "install a Vulkan driver; without a GPU, Mesa's software one will do \
     (Debian, Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1)"
} else if cfg!(target_arch = "wasm32") {
    "use a browser with WebGPU"
} else {
    "install a driver for Vulkan, Metal or Direct3D 12"
};

fn new_instance(backends: Backends) -> Instance {
    let mut descriptor = InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends = backends;
    Instance::new(descriptor)
}

#[cfg(target_arch = "wasm32")]
fn instance(backends: Backends) -> Instance {
    new_instance(backends)
}

/// The process's only instance of these backends: wgpu tells the buffers of one device from those of
/// another within an instance alone. GL's have one context each, which is not for many devices.
#[cfg(not(target_arch = "wasm32"))]
fn instance(backends: Backends) -> Instance {
    if backends.intersects(Backends::GL) {
        return new_instance(backends);
    }
    static INSTANCES: Mutex<Vec<(Backends, Instance)>> = Mutex::new(Vec::new());
    let mut instances = INSTANCES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, instance)) = instances.iter().find(|(of, _)| *of == backends) {
        return instance.clone();
    }
    let instance = new_instance(backends);
    instances.push((backends, instance.clone()));
    instance
}

/// The adapters of some backends.
async fn enumerate(backends: Backends) -> Vec<Adapter> {
    let instance = instance(backends);
    if cfg!(target_arch = "wasm32") {
        // Browsers do not list adapters; they hand out one.
        let options = wgpu::RequestAdapterOptions::default();
        return instance.request_adapter(&options).await.into_iter().collect();
    }
    instance.enumerate_adapters(backends).await
}

/// What `WGPU_BACKEND` says, if it says anything.
fn wanted_backends() -> Option<String> {
    std::env::var("WGPU_BACKEND").ok().filter(|names| !names.trim().is_empty())
}

/// Every adapter, the best first: discrete, integrated, virtual, software. `WGPU_BACKEND` narrows
/// the backends; GL is tried only where no other has an adapter, or where it is asked for.
pub(super) async fn adapters_async() -> Vec<Adapter> {
    if Instance::enabled_backend_features().is_empty() {
        return Vec::new(); // built without any backend
    }
    let mut found = match wanted_backends().map(|names| Backends::from_comma_list(&names)) {
        Some(backends) => enumerate(backends).await,
        None => {
            let found = enumerate(Backends::PRIMARY).await;
            if found.is_empty() { enumerate(Backends::SECONDARY).await } else { found }
        }
    };
    found.retain(|adapter| {
        adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    });
    found.sort_by_key(|adapter| match adapter.get_info().device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    });
    found
}

/// Every adapter that can run the kernels, the best first. The environment variable `WGPU_BACKEND`
/// (`vulkan`, `metal`, `dx12`, `gl`) narrows the list.
#[cfg(not(target_arch = "wasm32"))]
pub fn adapters() -> Vec<Adapter> {
    pollster::block_on(adapters_async())
}

/// The best adapter whose name contains `name`, in any case.
pub(super) async fn find(name: Option<&str>) -> Result<Adapter> {
    let from_environment = || std::env::var("WGPU_ADAPTER_NAME").ok();
    let by = if name.is_none() { ", by WGPU_ADAPTER_NAME" } else { "" };
    let name = name.map(str::to_owned).or_else(from_environment).unwrap_or_default().to_lowercase();
    let found = adapters_async().await;
    let names: Vec<_> = found.iter().map(|adapter| adapter.get_info().name).collect();
    let index = names.iter().position(|each| each.to_lowercase().contains(&name));
    index.and_then(|index| found.into_iter().nth(index)).ok_or_else(|| Error::NoAdapter {
        wanted: if name.is_empty() {
            String::new()
        } else {
            format!(" whose name contains {name:?}{by}")
        },
        advice: advice(&names, wanted_backends().as_deref()),
    })
}

/// How to get an adapter, where there are none but these of the backends that the environment allows.
fn advice(names: &[String], backends: Option<&str>) -> String {
    let allowed = |backends: &str| format!("WGPU_BACKEND={backends:?} allows no other backend");
    match (names, backends) {
        ([], None) => ADVICE.to_owned(),
        ([], Some(backends)) if Backends::from_comma_list(backends).is_empty() => {
            format!(
                "WGPU_BACKEND={backends:?} names no backend; expected vulkan, metal, dx12 or gl"
            )
        }
        ([], Some(backends)) => {
            format!("{}: unset it to take what there is, or {ADVICE}", allowed(backends))
        }
        (names, None) => format!("there are: {}", names.join(", ")),
        (names, Some(backends)) => {
            format!("there are: {}; {}", names.join(", "), allowed(backends))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn advice_names_the_variable_that_chose() {
        let names = ["llvmpipe".to_owned()];
        assert!(!advice(&[], None).contains("WGPU_BACKEND"));
        assert_eq!(advice(&names, None), "there are: llvmpipe");
        assert!(advice(&[], Some("dx12")).starts_with("WGPU_BACKEND=\"dx12\" allows no other"));
        assert!(advice(&[], Some("vulcan")).contains("\"vulcan\" names no backend"));
        assert!(advice(&names, Some("gl")).contains("llvmpipe; WGPU_BACKEND=\"gl\""));
    }
}
