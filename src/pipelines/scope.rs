//! Error scopes around everything that creates or submits, so that wgpu's errors become `Err`.

use crate::error::{Error, Result};

/// Runs `work` inside error scopes of all three kinds. Off the web they answer at once; on the web
/// the answer would have to be awaited, and errors reach the device's uncaptured-error handler.
pub(crate) fn guarded<T>(
    device: &wgpu::Device,
    operation: &'static str,
    work: impl FnOnce() -> T,
) -> Result<T> {
    scoped(device, work).map_err(|error| match error {
        wgpu::Error::OutOfMemory { source } => {
            Error::OutOfMemory { operation, message: source.to_string() }
        }
        // What is made of something that a lost device refused is invalid, too.
        _ if is_lost(device) => lost(operation),
        error => Error::Device { operation, message: error.to_string() },
    })
}

/// The first error of `work`.
fn scoped<T>(
    device: &wgpu::Device,
    work: impl FnOnce() -> T,
) -> std::result::Result<T, wgpu::Error> {
    #[cfg(target_arch = "wasm32")]
    {
        let _ = device;
        Ok(work())
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        let out_of_memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = work();
        // Each scope is popped, in the reverse order, whatever the ones before it held.
        let errors = [
            pollster::block_on(validation.pop()),
            pollster::block_on(internal.pop()),
            pollster::block_on(out_of_memory.pop()),
        ];
        errors.into_iter().flatten().next().map_or(Ok(made), Err)
    }
}

/// Whether the device is lost. wgpu tells this to a device-lost callback alone, of which a caller's
/// device has none of ours; but a buffer that no scope objected to can be written unless it is.
pub(crate) fn is_lost(device: &wgpu::Device) -> bool {
    let probe = scoped(device, || {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("wgpu-loss probe"),
            size: 16,
            usage: wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: true,
        })
    });
    probe.is_ok_and(|buffer| buffer.get_mapped_range_mut(..).is_err())
}

/// The error of a device that is lost, where nobody was told why.
pub(crate) fn lost(operation: &'static str) -> Error {
    Error::DeviceLost { operation, reason: "wgpu makes nothing of it any more".to_owned() }
}
