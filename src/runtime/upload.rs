//! Host data into device buffers.

use wgpu::{Buffer, BufferDescriptor, BufferUsages};

use crate::error::{Error, Result};
use crate::pipelines::guarded;

use super::Gpu;

impl Gpu {
    /// A storage buffer that can also be copied from; never of size 0, which cannot be bound.
    pub(super) fn storage(
        &self,
        operation: &'static str,
        label: &str,
        bytes: u64,
        mapped: bool,
    ) -> Result<Buffer> {
        let size = bytes.next_multiple_of(16).max(16);
        let available = self.kernels().capabilities().max_buffer_bytes;
        if size > available {
            let limit = "max_buffer_size";
            return Err(Error::Limit { operation, limit, needed: size, available });
        }
        guarded(self.device(), operation, || {
            self.device().create_buffer(&BufferDescriptor {
                label: Some(label),
                size,
                usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC,
                mapped_at_creation: mapped,
            })
        })
    }

    /// A storage buffer that holds `data`.
    pub(super) fn upload<T: bytemuck::NoUninit>(
        &self,
        operation: &'static str,
        label: &str,
        data: &[T],
    ) -> Result<Buffer> {
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let buffer = self.storage(operation, label, bytes.len() as u64, true)?;
        if !bytes.is_empty() {
            let mut view = buffer
                .get_mapped_range_mut(..)
                .map_err(|error| self.failure(operation, error.to_string()))?;
            view.slice(..bytes.len()).copy_from_slice(bytes);
        }
        buffer.unmap();
        Ok(buffer)
    }
}
