//! The device.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wgpu::{Device, Features, Limits, Queue};

use crate::error::{Error, Result};
use crate::pipelines::Kernels;
use crate::pipelines::{is_lost, lost};
use crate::plan::Tuning;

use super::adapter;
use super::stream::{Progress, Streaming, Watcher};

/// Which adapter [`Gpu::with_options`] takes, and how much of it it asks for.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Part of the adapter's name, in any case. `None`: the environment variable
    /// `WGPU_ADAPTER_NAME`, else the best adapter.
    pub adapter_name: Option<String>,
    /// Ask for `Limits::default()` and no features, which is what every WebGPU device has, instead
    /// of all the adapter has.
    pub minimal: bool,
    /// As of [`Gpu::with_timeout`].
    pub timeout: Option<Duration>,
}

/// A device that evaluates losses of host data; see [`Engine`](crate::Engine) for what it can do.
/// Cheap to clone; clones share the device and its pipelines.
///
/// ```no_run
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{CrossEntropy, Engine, Gpu, Logits, Targets};
/// let gpu = Gpu::new()?;
/// let logits = Logits::new(&[2.0, 0.5, 0.1, 0.3, 0.2, 4.0], 2, 3)?;
/// let out = gpu.cross_entropy(logits, Targets::classes(&[0, 2]), &CrossEntropy::default())?;
/// println!("{}", out.loss);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gpu {
    device: Device,
    queue: Queue,
    kernels: Kernels,
    /// Why a device of our own was lost.
    lost: Arc<Mutex<Option<String>>>,
    streaming: Streaming,
    watcher: Watcher,
    timeout: Option<Duration>,
}

impl Gpu {
    /// The best adapter, with all its limits and features.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], which says how to get one; [`Error::Limit`] where it is too small;
    /// [`Error::Device`] where it gives no device.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new() -> Result<Self> {
        Self::with_options(&GpuOptions::default())
    }

    /// An adapter of the caller's choice.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn with_options(options: &GpuOptions) -> Result<Self> {
        pollster::block_on(Self::with_options_async(options))
    }

    /// The same as a future, which is the only form on the web.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn with_options_async(options: &GpuOptions) -> Result<Self> {
        let adapter = adapter::find(options.adapter_name.as_deref()).await?;
        let useful = Features::SUBGROUP | Features::TIMESTAMP_QUERY | Features::PIPELINE_CACHE;
        let (required_features, required_limits) = if options.minimal {
            (Features::empty(), Limits::default())
        } else {
            (adapter.features() & useful, adapter.limits())
        };
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("wgpu-loss"),
                required_features,
                required_limits,
                ..Default::default()
            })
            .await
            .map_err(|error| Error::Device {
                operation: "requesting a device",
                message: error.to_string(),
            })?;
        let gpu = Self::from_device(device, queue)?.with_timeout(options.timeout);
        gpu.watch();
        log::debug!("{:?}, {:?}", gpu.adapter_info(), gpu.kernels.capabilities());
        Ok(gpu)
    }

    /// The caller's device and queue. No handler is installed on them.
    ///
    /// # Errors
    /// [`Error::Limit`] where the device is too small for any kernel.
    pub fn from_device(device: Device, queue: Queue) -> Result<Self> {
        let kernels = Kernels::new(&device)?;
        Ok(Self {
            device,
            queue,
            kernels,
            lost: Arc::default(),
            streaming: Streaming::default(),
            watcher: Watcher::default(),
            timeout: None,
        })
    }

    /// The same device with kernels of the caller's making: other capabilities, another tuning.
    #[must_use]
    pub fn with_kernels(&self, kernels: Kernels) -> Self {
        Self { kernels, ..self.clone() }
    }

    /// The same device with another tuning. Kernels that were compiled are shared.
    ///
    /// # Errors
    /// [`Error::Limit`] where the device is too small for any kernel.
    pub fn with_tuning(&self, tuning: Tuning) -> Result<Self> {
        Ok(self.with_kernels(self.kernels.with_tuning(tuning)?))
    }

    /// The same device, of which calls take as much at a time as this allows.
    #[must_use]
    pub fn with_streaming(&self, streaming: Streaming) -> Self {
        Self { streaming, ..self.clone() }
    }

    /// The same device, which tells how far each call has come that goes over its batch piece by
    /// piece. Where `watch` breaks, the call ends with [`Error::Cancelled`].
    #[must_use]
    pub fn with_progress(
        &self,
        watch: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        Self { watcher: Watcher(Some(Arc::new(watch))), ..self.clone() }
    }

    /// The same device, for which calls wait no longer than this at a time: then they end with
    /// [`Error::Timeout`]. What was submitted is not stopped, and its buffers live until it is done.
    /// `None`, the default: as long as it takes. The web has no clock for it.
    #[must_use]
    pub fn with_timeout(&self, timeout: Option<Duration>) -> Self {
        Self { timeout, ..self.clone() }
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// How much calls take at a time.
    pub fn streaming(&self) -> Streaming {
        self.streaming
    }

    pub(super) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Keeps a loss of our own device, and errors that no scope caught, from being a panic.
    fn watch(&self) {
        let lost = Arc::clone(&self.lost);
        self.device.set_device_lost_callback(move |reason, message| {
            let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
            *lost = Some(format!("{reason:?}: {message}"));
        });
        self.device.on_uncaptured_error(Arc::new(|error: wgpu::Error| {
            log::error!("uncaptured: {error}");
        }));
    }

    /// An error of the device's, which is a lost device where the device was lost.
    pub(super) fn failure(&self, operation: &'static str, message: String) -> Error {
        match self.refuse_if_lost(operation) {
            Err(error) => error,
            Ok(()) if is_lost(&self.device) => lost(operation),
            Ok(()) => Error::Device { operation, message },
        }
    }

    /// Refuses to start work on a device that is known to be lost.
    pub(super) fn refuse_if_lost(&self, operation: &'static str) -> Result<()> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lost {
            Some(reason) => Err(Error::DeviceLost { operation, reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The kernels, for plans of the caller's own.
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// The adapter.
    pub fn adapter_info(&self) -> wgpu::AdapterInfo {
        self.device.adapter_info()
    }
}
