//! Error scopes around everything that creates or submits, so that wgpu's errors become `Err`.

#[cfg(not(target_arch = "wasm32"))]
use crate::Error;
use crate::Result;

/// Runs `work` inside error scopes of all three kinds. Off the web they answer at once; on the web
/// the answer would have to be awaited, and errors reach the device's uncaptured-error handler.
pub(crate) fn guarded<T>(
    device: &wgpu::Device,
    operation: &'static str,
    work: impl FnOnce() -> T,
) -> Result<T> {
    #[cfg(target_arch = "wasm32")]
    {
        let _ = (device, operation);
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
        match errors.into_iter().flatten().next() {
            None => Ok(made),
            Some(wgpu::Error::OutOfMemory { source }) => {
                Err(Error::OutOfMemory { operation, message: source.to_string() })
            }
            Some(error) => Err(Error::Device { operation, message: error.to_string() }),
        }
    }
}
