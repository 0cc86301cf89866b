//! Where the matrix that a stream computes goes in host memory.

use crate::element::{Element, Float, OwnedValues};
use crate::error::Result;
use crate::logits::Shape;
use crate::memory;
use crate::plan::Piece;

/// A contiguous matrix of bytes, written piece by piece.
pub(in crate::runtime) struct MatrixOutput<'a> {
    shape: Shape,
    bytes: &'a mut [u8],
}

impl<'a> MatrixOutput<'a> {
    /// For the results of logits of this shape: as many elements of the slice's type.
    pub(in crate::runtime) fn new<G: Float>(logits: Shape, values: &'a mut [G]) -> Self {
        let shape = logits.with_element(G::ELEMENT).contiguous();
        Self { shape, bytes: bytemuck::cast_slice_mut(values) }
    }

    /// The same for values of any type.
    pub(super) fn over(logits: Shape, values: &'a mut OwnedValues) -> Self {
        match values {
            OwnedValues::F32(values) => Self::new(logits, values),
            OwnedValues::F16(values) => Self::new(logits, values),
            OwnedValues::Bf16(values) => Self::new(logits, values),
        }
    }

    /// The element type.
    pub(in crate::runtime) fn element(&self) -> Element {
        self.shape.element
    }

    /// Takes a piece that came back packed.
    pub(super) fn write(&mut self, piece: &Piece, packed: &[u8]) {
        let size = self.shape.element.bytes();
        for segment in piece.segments(&self.shape) {
            let (start, length) = (segment.start * size, segment.length * size);
            let from = segment.packed * size;
            self.bytes[start..start + length].copy_from_slice(&packed[from..from + length]);
        }
    }
}

/// Zeros in the shape of these logits, in a type of their own.
pub(super) fn zeros(
    operation: &'static str,
    logits: Shape,
    element: Element,
) -> Result<OwnedValues> {
    fn of<G: Float>(operation: &'static str, logits: Shape) -> Result<OwnedValues> {
        zeroed::<G>(operation, logits.elements()).map(G::owned)
    }
    match element {
        Element::F32 => of::<f32>(operation, logits),
        Element::F16 => of::<half::f16>(operation, logits),
        Element::Bf16 => of::<half::bf16>(operation, logits),
    }
}

/// So many zeros.
pub(super) fn zeroed<G: Float>(operation: &'static str, count: Option<usize>) -> Result<Vec<G>> {
    memory::zeros(operation, count.unwrap_or(usize::MAX))
}

/// A matrix of our own of this element type, where there is one, and what `fill` returns.
pub(in crate::runtime) async fn owned<T>(
    operation: &'static str,
    logits: Shape,
    element: Option<Element>,
    fill: impl AsyncFnOnce(Option<MatrixOutput<'_>>) -> Result<T>,
) -> Result<(Option<OwnedValues>, T)> {
    let Some(element) = element else { return Ok((None, fill(None).await?)) };
    let mut values = zeros(operation, logits, element)?;
    let result = fill(Some(MatrixOutput::over(logits, &mut values))).await?;
    Ok((Some(values), result))
}
