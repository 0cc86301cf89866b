//! Choosing what computes, and describing an adapter.

use serde::Serialize;
use wgpu_loss::runtime::{self, GpuOptions};
use wgpu_loss::wgpu::{self, Features};
use wgpu_loss::{Engine, Error, Gpu, cpu};

use crate::arguments::Device;
use crate::failure::{Failure, Result};
use crate::output::{self, Output, bytes};
use crate::tuning;

/// A GPU with the tuning that was measured on it, or why there is none; a named adapter that does
/// not exist is a failure, not a reason to fall back.
pub fn find(adapter: Option<&str>) -> Result<std::result::Result<Gpu, Error>> {
    match open(adapter) {
        Ok(gpu) => Ok(Ok(tuning::apply(gpu)?)),
        Err(error @ Error::NoAdapter { .. }) if adapter.is_none() => Ok(Err(error)),
        Err(error) => Err(error.into()),
    }
}

/// A GPU with the built-in tuning.
pub fn open(adapter: Option<&str>) -> wgpu_loss::Result<Gpu> {
    let options = GpuOptions { adapter_name: adapter.map(str::to_owned), ..Default::default() };
    Gpu::with_options(&options)
}

/// What computes, and what to say about the choice.
pub struct Chosen {
    /// It.
    pub engine: Box<dyn Engine>,
    /// It, where it is a GPU.
    pub gpu: Option<Gpu>,
    /// `gpu`, `cpu` or `oracle`.
    pub kind: &'static str,
    /// Why the CPU stands in for the GPU.
    pub fallback: Option<Error>,
}

/// Opens what `--device` names; `prepare` has the last word on a GPU.
pub fn choose(
    device: Device,
    adapter: Option<&str>,
    prepare: impl FnOnce(Gpu) -> Gpu,
) -> Result<Chosen> {
    let cpu = |fallback| Chosen { engine: Box::new(cpu::Fast), gpu: None, kind: "cpu", fallback };
    let of_gpu = |gpu: Gpu| {
        let engine = Box::new(gpu.clone());
        Chosen { engine, gpu: Some(gpu), kind: "gpu", fallback: None }
    };
    Ok(match device {
        Device::Cpu => cpu(None),
        Device::Oracle => {
            let engine = Box::new(cpu::Oracle);
            Chosen { engine, gpu: None, kind: "oracle", fallback: None }
        }
        Device::Gpu => of_gpu(prepare(find(adapter)??)),
        Device::Auto => match find(adapter)? {
            Ok(gpu) => of_gpu(prepare(gpu)),
            Err(error) => cpu(Some(error)),
        },
    })
}

impl Chosen {
    /// The CPU, where the GPU cannot do what was asked for and nobody insists on it.
    pub fn instead(&self, device: Device, error: Error) -> Result<Self> {
        let is_too_small = matches!(error, Error::Limit { .. } | Error::OutOfMemory { .. });
        match device {
            Device::Auto if self.gpu.is_some() && is_too_small => Ok(Self {
                engine: Box::new(cpu::Fast),
                gpu: None,
                kind: "cpu",
                fallback: Some(error),
            }),
            _ if self.gpu.is_some() && matches!(error, Error::Limit { .. }) => {
                Err(Failure::TooLarge(error))
            }
            _ => Err(error.into()),
        }
    }

    /// Says why the CPU stands in for the GPU, where it does.
    pub fn explain(&self) {
        if let Some(error) = &self.fallback {
            output::note(error);
            output::note(format_args!("computing on {} instead", self.engine.name()));
        }
    }
}

/// An adapter: who it is, and the limits and features that decide what our kernels can do.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// The adapter's name.
    pub name: String,
    /// Discrete, integrated, virtual or software.
    pub device_type: &'static str,
    /// The interface wgpu reaches it through.
    pub backend: String,
    /// The driver, with its version where known.
    pub driver: String,
    /// Most bytes one kernel sees as one array.
    pub max_storage_buffer_binding_size: u64,
    /// Most bytes of one buffer.
    pub max_buffer_size: u64,
    /// Most storage buffers of one kernel.
    pub max_storage_buffers_per_shader_stage: u32,
    /// Most invocations of one workgroup.
    pub max_compute_invocations_per_workgroup: u32,
    /// Bytes of memory that a workgroup shares.
    pub max_compute_workgroup_storage_size: u32,
    /// Most workgroups in one dimension of a dispatch.
    pub max_compute_workgroups_per_dimension: u32,
    /// Whether lanes of a subgroup exchange values.
    pub subgroup: bool,
    /// Fewest lanes of a subgroup.
    pub subgroup_min_size: u32,
    /// Most lanes of a subgroup.
    pub subgroup_max_size: u32,
    /// Whether shaders compute in half precision.
    pub shader_f16: bool,
    /// Whether the adapter measures its own time.
    pub timestamp_query: bool,
}

impl Description {
    /// Of an adapter that was not opened.
    pub fn of_adapter(adapter: &wgpu::Adapter) -> Self {
        Self::new(&adapter.get_info(), &adapter.limits(), adapter.features())
    }

    /// Of the adapter behind a GPU; where it is not found again, of the device, whose limits and
    /// features are those that were asked for.
    pub fn of_gpu_adapter(gpu: &Gpu) -> Self {
        let info = gpu.adapter_info();
        let found = runtime::adapters().into_iter().find(|adapter| adapter.get_info() == info);
        found.map_or_else(|| Self::of_gpu(gpu), |adapter| Self::of_adapter(&adapter))
    }

    /// Of an opened adapter: the limits and features are those that were asked for.
    pub fn of_gpu(gpu: &Gpu) -> Self {
        Self::new(&gpu.adapter_info(), &gpu.device().limits(), gpu.device().features())
    }

    fn new(info: &wgpu::AdapterInfo, limits: &wgpu::Limits, features: Features) -> Self {
        let driver = format!("{} {}", info.driver, info.driver_info);
        Self {
            name: info.name.clone(),
            device_type: match info.device_type {
                wgpu::DeviceType::IntegratedGpu => "integrated",
                wgpu::DeviceType::DiscreteGpu => "discrete",
                wgpu::DeviceType::VirtualGpu => "virtual",
                wgpu::DeviceType::Cpu => "software",
                wgpu::DeviceType::Other => "unknown",
            },
            backend: info.backend.to_string(),
            driver: driver.trim().to_owned(),
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            max_buffer_size: limits.max_buffer_size,
            max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
            max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
            max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
            max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            subgroup: features.contains(Features::SUBGROUP),
            subgroup_min_size: info.subgroup_min_size,
            subgroup_max_size: info.subgroup_max_size,
            shader_f16: features.contains(Features::SHADER_F16),
            timestamp_query: features.contains(Features::TIMESTAMP_QUERY),
        }
    }

    /// As lines for people.
    pub fn print(&self, out: &mut Output) -> Result<()> {
        let binding = bytes(self.max_storage_buffer_binding_size);
        let shared = bytes(self.max_compute_workgroup_storage_size.into());
        out.field("type", format_args!("{}, {}", self.device_type, self.backend))?;
        out.field("driver", crate::output::shorten(&self.driver, 57))?;
        out.field(
            "storage binding",
            format_args!("{binding}, buffer {}", bytes(self.max_buffer_size)),
        )?;
        out.field(
            "workgroup",
            format_args!("{} invocations, {shared}", self.max_compute_invocations_per_workgroup),
        )?;
        let lanes = if self.subgroup_min_size == self.subgroup_max_size {
            self.subgroup_min_size.to_string()
        } else {
            format!("{} to {}", self.subgroup_min_size, self.subgroup_max_size)
        };
        out.field("subgroups", if self.subgroup { format!("{lanes} lanes") } else { "no".into() })?;
        let features = [(self.shader_f16, "SHADER_F16"), (self.timestamp_query, "TIMESTAMP_QUERY")];
        let present: Vec<_> =
            features.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
        out.field("features", if present.is_empty() { "-".to_owned() } else { present.join(", ") })
    }
}
