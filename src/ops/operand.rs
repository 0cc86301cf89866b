//! A caller's buffer as an operand, checked before anything is made from it.

use wgpu::{Buffer, BufferSlice, BufferUsages};

use crate::error::{Error, Result};
use crate::kernel::bindings::Slot;
use crate::logits::Shape;
use crate::plan::RowOperand;

/// A range of a buffer that holds what a kernel expects.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub(crate) slot: Slot,
    pub(crate) buffer: Buffer,
    pub(crate) row: RowOperand,
    /// Bytes of what offsets count.
    pub(crate) unit: u64,
}

/// The form of an operand: blocks of `inner` rows, how many, how far apart, and of how many
/// elements of which size.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    blocks: usize,
    inner: usize,
    stride: usize,
    elements: usize,
    element_bytes: u64,
}

impl Rows {
    /// `count` rows of one element.
    pub(crate) fn of_one(count: usize, element_bytes: u64) -> Self {
        Self { blocks: count, inner: 1, stride: 1, elements: 1, element_bytes }
    }

    /// The same `count` elements for every row.
    pub(crate) fn shared(count: usize, element_bytes: u64) -> Self {
        Self { blocks: 1, inner: 1, stride: 0, elements: count, element_bytes }
    }

    /// `count` rows of so many words.
    pub(crate) fn of_words(count: usize, words: u32) -> Self {
        let words = words as usize;
        Self { blocks: count, inner: 1, stride: words, elements: words, element_bytes: 4 }
    }

    /// A value for each logit.
    pub(crate) fn of_shape(shape: &Shape) -> Self {
        Self {
            blocks: shape.outer(),
            inner: shape.inner.max(1),
            stride: shape.row_stride,
            elements: shape.classes * shape.inner,
            element_bytes: shape.element.bytes() as u64,
        }
    }

    fn bytes(&self) -> u64 {
        let elements = match self.blocks {
            0 => 0,
            blocks => (blocks - 1) * self.stride + self.elements,
        };
        elements as u64 * self.element_bytes
    }

    fn at(&self, offset: u64) -> RowOperand {
        RowOperand {
            offset,
            inner: self.inner as u64,
            stride: self.stride as u64 * self.element_bytes,
            bytes: self.elements as u64 * self.element_bytes,
        }
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
        // Kernels count whole elements from a binding's start, which is aligned to no less.
        let alignment = rows.element_bytes;
        if !slice.offset().is_multiple_of(alignment) {
            return Err(Error::invalid(
                operation,
                what,
                format!("an offset that is a multiple of {alignment} bytes"),
                slice.offset(),
            ));
        }
        let available = slice.size();
        if available < rows.bytes() {
            let expected = format!("at least {} bytes", rows.bytes());
            return Err(Error::invalid(operation, what, expected, format!("{available} bytes")));
        }
        // Bindings are whole words, so that two halves at the very end need what follows them.
        let end = (slice.offset() + rows.bytes()).next_multiple_of(4);
        if end > buffer.size() {
            let expected = format!("a buffer of at least {end} bytes, which are whole words");
            return Err(Error::invalid(operation, what, expected, buffer.size()));
        }
        let row = rows.at(slice.offset());
        Ok(Self { slot, buffer: buffer.clone(), row, unit: rows.element_bytes })
    }

    /// A whole buffer of our own.
    pub(crate) fn scratch(slot: Slot, buffer: Buffer, rows: Rows) -> Self {
        Self { slot, buffer, row: rows.at(0), unit: rows.element_bytes }
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
