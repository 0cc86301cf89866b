//! Buffers as a caller might give them: at any offset, sometimes missing, too short or misaligned.

use wgpu_loss::Shape;
use wgpu_loss::wgpu::{Buffer, BufferDescriptor, BufferSlice, BufferUsages, Device};

use super::draw::Draw;

/// Most bytes of an operand that is made.
const MOST: u64 = 1 << 20;

/// A range of a buffer, or none.
pub struct Operand(Option<(Buffer, u64, u64)>);

impl Operand {
    pub fn slice(&self) -> Option<BufferSlice<'_>> {
        self.0.as_ref().map(|(buffer, offset, bytes)| buffer.slice(*offset..*offset + *bytes))
    }
}

/// Bytes of a value for each element of a shape; `None`: more than memory holds.
pub fn bytes_of(shape: Shape) -> Option<u64> {
    (shape.extent()? as u64).checked_mul(shape.element.bytes() as u64)
}

/// Bytes of so many things of so many bytes.
pub fn times(count: usize, bytes: u64) -> Option<u64> {
    (count as u64).checked_mul(bytes)
}

/// One operand of `bytes` bytes in units of `unit`, mostly as wanted. `None`: too many bytes to try.
pub fn operand(
    device: &Device,
    draw: &mut Draw<'_>,
    is_wanted: bool,
    bytes: Option<u64>,
    unit: u64,
) -> Option<Operand> {
    let is_there = is_wanted != draw.is_mistake();
    let bytes = bytes.filter(|bytes| *bytes <= MOST)?;
    if !is_there {
        return Some(Operand(None));
    }
    let offset = match draw.is_mistake() {
        true => draw.size(12),
        false => unit * draw.of(&[0, 0, 1, 2, 3, 4, 63, 64, 65, 1000]),
    };
    let missing = if draw.is_mistake() { draw.size(6).min(bytes) } else { 0 };
    let size = (offset + bytes).next_multiple_of(4) + 4 * draw.of(&[0, 0, 1, 7]);
    let usage = match draw.is_mistake() {
        true => BufferUsages::COPY_DST,
        false => BufferUsages::STORAGE,
    };
    let buffer = device.create_buffer(&BufferDescriptor {
        label: Some("operand"),
        size,
        usage,
        mapped_at_creation: false,
    });
    Some(Operand(Some((buffer, offset, bytes - missing))))
}
