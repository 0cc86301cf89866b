//! The renderer's own device; the library never sees the adapter or the queue.

use wgpu_loss::wgpu;

use crate::failure::{Failure, Result};

/// A device and its queue.
#[derive(Clone, Debug)]
pub struct Device {
    /// The adapter it came from.
    pub adapter: wgpu::Adapter,
    /// The device.
    pub device: wgpu::Device,
    /// The queue.
    pub queue: wgpu::Queue,
}

/// The backends of `WGPU_BACKEND`; without it all but GL, whose start prints noise on machines
/// without a display.
pub fn backends() -> wgpu::Backends {
    wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY)
}

impl Device {
    /// A device that draws into textures.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn offscreen(name: Option<&str>) -> Result<Self> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
        descriptor.backends = backends();
        Self::open(&wgpu::Instance::new(descriptor), None, name)
    }

    /// A device on the adapter whose name contains `name` (without it: the environment variable
    /// `WGPU_ADAPTER_NAME`, else wgpu's choice), which can draw into `surface`.
    ///
    /// # Errors
    /// [`Failure::NoAdapter`] where there is none, [`Failure::Device`] where it gives no device.
    pub fn open(
        instance: &wgpu::Instance,
        surface: Option<&wgpu::Surface<'_>>,
        name: Option<&str>,
    ) -> Result<Self> {
        let name = name.map(str::to_owned).or_else(|| std::env::var("WGPU_ADAPTER_NAME").ok());
        let adapter = match name {
            Some(name) => named(instance, surface, &name)?,
            None => best(instance, surface)?,
        };
        // Subgroups make the loss faster, so they are asked for where there are any.
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("painter"),
            required_features: adapter.features() & wgpu::Features::SUBGROUP,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| Failure::device("requesting a device", error))?;
        Ok(Self { adapter, device, queue })
    }
}

fn best(instance: &wgpu::Instance, surface: Option<&wgpu::Surface<'_>>) -> Result<wgpu::Adapter> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        compatible_surface: surface,
        ..Default::default()
    };
    pollster::block_on(instance.request_adapter(&options))
        .map_err(|error| Failure::NoAdapter { wanted: String::new(), found: error.to_string() })
}

fn named(
    instance: &wgpu::Instance,
    surface: Option<&wgpu::Surface<'_>>,
    name: &str,
) -> Result<wgpu::Adapter> {
    let adapters = pollster::block_on(instance.enumerate_adapters(backends()));
    let names: Vec<_> = adapters.iter().map(|adapter| adapter.get_info().name).collect();
    let is_it = |adapter: &wgpu::Adapter| {
        adapter.get_info().name.to_lowercase().contains(&name.to_lowercase())
            && surface.is_none_or(|surface| adapter.is_surface_supported(surface))
    };
    adapters.into_iter().find(is_it).ok_or_else(|| Failure::NoAdapter {
        wanted: format!(" whose name contains {name:?}"),
        found: if names.is_empty() {
            "there is none".into()
        } else {
            format!("there are {}", names.join(", "))
        },
    })
}
