//! A caller's buffer as an operand, checked before anything is made from it.

use wgpu::{Buffer, BufferSlice, BufferUsages};

use crate::kernel::bindings::Slot;
use crate::plan::RowOperand;
use crate::{Error, Result};

/// A range of a buffer that holds what a kernel expects.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub(crate) slot: Slot,
    pub(crate) buffer: Buffer,
    pub(crate) row: RowOperand,
}

/// The rows of an operand: how many, how far apart, and of how many elements of which size.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) count: usize,
    pub(crate) stride: usize,
    pub(crate) elements: usize,
    pub(crate) element_bytes: u64,
}

impl Rows {
    /// `count` rows of one element.
    pub(crate) fn of_one(count: usize, element_bytes: u64) -> Self {
        Self { count, stride: 1, elements: 1, element_bytes }
    }

    fn bytes(&self) -> u64 {
        let elements = match self.count {
            0 => 0,
            count => (count - 1) * self.stride + self.elements,
        };
        elements as u64 * self.element_bytes
    }
}

impl Operand {
    /// Checks usage, alignment and length of a caller's slice.
    pub(crate) fn new(
        operation: &'static str,
        slot: Slot,
        slice: BufferSlice<'_>,
        rows: Rows,
    ) -> Result<Self> {
        let buffer = slice.buffer();
        let what = slot.name();
        if !buffer.usage().contains(BufferUsages::STORAGE) {
            let found = format!("{:?}", buffer.usage());
            return Err(Error::invalid(operation, what, "a buffer with usage STORAGE", found));
        }
        if !slice.offset().is_multiple_of(rows.element_bytes) {
            return Err(Error::invalid(
                operation,
                what,
                format!("an offset that is a multiple of {} bytes", rows.element_bytes),
                slice.offset(),
            ));
        }
        let available = slice.size();
        if available < rows.bytes() {
            let expected = format!("at least {} bytes", rows.bytes());
            return Err(Error::invalid(operation, what, expected, format!("{available} bytes")));
        }
        Ok(Self {
            slot,
            buffer: buffer.clone(),
            row: RowOperand {
                offset: slice.offset(),
                stride: rows.stride as u64 * rows.element_bytes,
                bytes: rows.elements as u64 * rows.element_bytes,
            },
        })
    }

    /// A whole buffer of our own.
    pub(crate) fn scratch(slot: Slot, buffer: Buffer, rows: Rows) -> Self {
        let stride = rows.stride as u64 * rows.element_bytes;
        let bytes = rows.elements as u64 * rows.element_bytes;
        Self { slot, buffer, row: RowOperand { offset: 0, stride, bytes } }
    }
}

/// The slice of an operand that must be there.
pub(crate) fn required<'a>(
    operation: &'static str,
    slot: Slot,
    slice: Option<BufferSlice<'a>>,
    why: &str,
) -> Result<BufferSlice<'a>> {
    slice.ok_or_else(|| {
        Error::invalid(operation, slot.name(), format!("a buffer, since {why}"), "none")
    })
}

/// Refuses an operand that the plan does not write or read.
pub(crate) fn unwanted(
    operation: &'static str,
    slot: Slot,
    slice: Option<BufferSlice<'_>>,
    why: &str,
) -> Result<()> {
    match slice {
        None => Ok(()),
        Some(_) => {
            Err(Error::invalid(operation, slot.name(), format!("none, since {why}"), "a buffer"))
        }
    }
}

/// The operand of a slot that the plan writes or reads only if it was asked to.
pub(crate) fn if_wanted(
    operation: &'static str,
    slot: Slot,
    slice: Option<BufferSlice<'_>>,
    is_wanted: bool,
    rows: Rows,
) -> Result<Option<Operand>> {
    if is_wanted {
        let slice = required(operation, slot, slice, "the plan asks for it")?;
        Operand::new(operation, slot, slice, rows).map(Some)
    } else {
        unwanted(operation, slot, slice, "the plan does not ask for it")?;
        Ok(None)
    }
}
