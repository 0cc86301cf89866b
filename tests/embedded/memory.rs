//! Buffers that betray what a kernel writes or reads where it should not.

use bytemuck::Pod;
use wgpu_loss::wgpu::{Buffer, BufferDescriptor, BufferSlice};
use wgpu_loss::{Element, Gpu, OwnedValues, Shape};

use crate::device::{USAGE, read};

/// Stands wherever no kernel may write, and wherever one must: a NaN that no arithmetic makes, and
/// so is each half of it as `f16` and as `bf16`. Reading it shows in a result, and keeping it shows
/// that nothing was written.
pub const POISON: u32 = 0x7fb1_7fb1;
/// Half of it.
pub const HALF_POISON: u16 = 0x7fb1;

/// Poisoned bytes behind an operand.
const CANARIES: usize = 256;

/// A range of a larger buffer that is poisoned all around.
#[derive(Debug)]
pub struct Memory {
    pub buffer: Buffer,
    /// What the buffer held at first.
    bytes: Vec<u8>,
    /// First byte of the range; even.
    first: usize,
    /// Bytes of the range.
    len: usize,
}

impl Memory {
    /// `data` from byte `offset` on.
    pub fn of<T: Pod>(gpu: &Gpu, offset: u64, data: &[T]) -> Self {
        Self::of_bytes(gpu, offset, bytemuck::cast_slice(data))
    }

    /// The same of bytes.
    pub fn of_bytes(gpu: &Gpu, offset: u64, data: &[u8]) -> Self {
        let first = offset as usize;
        let mut bytes = poison((first + data.len() + CANARIES).next_multiple_of(4));
        bytes[first..first + data.len()].copy_from_slice(data);
        Self::with_bytes(gpu, bytes, first, data.len())
    }

    fn with_bytes(gpu: &Gpu, bytes: Vec<u8>, first: usize, len: usize) -> Self {
        let buffer = gpu.device().create_buffer(&BufferDescriptor {
            label: Some("operand"),
            size: bytes.len() as u64,
            usage: USAGE,
            mapped_at_creation: true,
        });
        buffer
            .get_mapped_range_mut(..)
            .expect("a buffer mapped at creation")
            .slice(..)
            .copy_from_slice(&bytes);
        buffer.unmap();
        Self { buffer, bytes, first, len }
    }

    /// `count` poisoned words, and nothing around them.
    pub fn exact(gpu: &Gpu, count: usize) -> Self {
        Self::with_bytes(gpu, poison(4 * count), 0, 4 * count)
    }

    /// `count` words for a kernel to write.
    pub fn poisoned(gpu: &Gpu, offset: u64, count: usize) -> Self {
        Self::of_bytes(gpu, offset, &poison(4 * count))
    }

    /// For a kernel to write values of this shape.
    pub fn poisoned_matrix(gpu: &Gpu, offset: u64, shape: Shape) -> Self {
        let extent = shape.extent().expect("a small shape");
        Self::of_bytes(gpu, offset, &poison(extent * shape.element.bytes()))
    }

    /// The operand: exactly the range.
    pub fn slice(&self) -> BufferSlice<'_> {
        self.slice_from(0)
    }

    /// The range from this byte of it on.
    pub fn slice_from(&self, byte: usize) -> BufferSlice<'_> {
        self.buffer.slice((self.first + byte) as u64..(self.first + self.len) as u64)
    }

    /// All of the buffer as it is now, once everything around the range is found untouched.
    fn current(&self, gpu: &Gpu) -> Vec<u8> {
        let found: Vec<u8> = read(gpu, &self.buffer, 0, self.bytes.len() as u64);
        let end = self.first + self.len;
        assert!(found[..self.first] == self.bytes[..self.first], "written before it");
        assert!(found[end..] == self.bytes[end..], "written behind it");
        found
    }

    /// The range as it is now, once everything around it is found untouched.
    pub fn read<T: Pod>(&self, gpu: &Gpu) -> Vec<T> {
        bytemuck::pod_collect_to_vec(&self.current(gpu)[self.first..self.first + self.len])
    }

    /// The same for values of this shape, once the gaps between its rows are found untouched too:
    /// without the gaps.
    pub fn read_matrix(&self, gpu: &Gpu, shape: Shape) -> OwnedValues {
        let size = shape.element.bytes();
        let range = self.first..self.first + self.len;
        let found = &self.current(gpu)[range.clone()];
        let before = &self.bytes[range];
        let block = shape.classes * shape.inner * size;
        let mut rows = Vec::with_capacity(shape.outer() * block);
        for outer in 0..shape.outer() {
            let start = outer * shape.row_stride * size;
            let end = (start + shape.row_stride * size).min(found.len());
            let (row, gap) = (start..start + block, start + block..end.max(start + block));
            assert!(found[gap.clone()] == before[gap], "written in a gap between rows");
            rows.extend_from_slice(&found[row]);
        }
        match shape.element {
            Element::F32 => OwnedValues::F32(bytemuck::pod_collect_to_vec(&rows)),
            Element::F16 => OwnedValues::F16(bytemuck::pod_collect_to_vec(&rows)),
            Element::Bf16 => OwnedValues::Bf16(bytemuck::pod_collect_to_vec(&rows)),
        }
    }

    /// Puts other data into the range.
    pub fn write<T: Pod>(&self, gpu: &Gpu, data: &[T]) {
        assert_eq!(size_of_val(data), self.len);
        gpu.queue().write_buffer(&self.buffer, self.first as u64, bytemuck::cast_slice(data));
    }

    /// Whether nothing at all has changed.
    pub fn is_unchanged(&self, gpu: &Gpu) -> bool {
        self.current(gpu) == self.bytes
    }
}

/// Poison from a word's start on.
fn poison(len: usize) -> Vec<u8> {
    HALF_POISON.to_ne_bytes().into_iter().cycle().take(len).collect()
}

/// Fails where a value of a result was never written.
#[track_caller]
pub fn assert_written(values: &OwnedValues) {
    let is_poison = match values {
        OwnedValues::F32(values) => values.iter().any(|value| value.to_bits() == POISON),
        OwnedValues::F16(values) => values.iter().any(|value| value.to_bits() == HALF_POISON),
        OwnedValues::Bf16(values) => values.iter().any(|value| value.to_bits() == HALF_POISON),
    };
    assert!(!is_poison, "results are missing");
}

/// A result as bits.
pub fn bits(values: &OwnedValues) -> Vec<u32> {
    match values {
        OwnedValues::F32(values) => values.iter().map(|value| value.to_bits()).collect(),
        OwnedValues::F16(values) => values.iter().map(|value| value.to_bits().into()).collect(),
        OwnedValues::Bf16(values) => values.iter().map(|value| value.to_bits().into()).collect(),
    }
}
