//! Where the matrix that a stream computes goes in host memory.

use crate::plan::Piece;
use crate::{Element, Error, Float, OwnedValues, Result, Shape};

/// A contiguous matrix of bytes, written piece by piece.
pub(in crate::runtime) struct MatrixOutput<'a> {
    shape: Shape,
    bytes: &'a mut [u8],
}

impl<'a> MatrixOutput<'a> {
    /// For the results of logits of this shape, as elements of the slice's type.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there is one element for each.
    pub(in crate::runtime) fn new<G: Float>(
        operation: &'static str,
        logits: Shape,
        values: &'a mut [G],
    ) -> Result<Self> {
        let shape = logits.with_element(G::ELEMENT).contiguous();
        let expected = shape.elements().unwrap_or(usize::MAX);
        if values.len() != expected {
            let Shape { rows, classes, .. } = logits;
            let expected = format!("{expected} elements for {rows} rows of {classes} classes");
            return Err(Error::invalid(operation, "length of the results", expected, values.len()));
        }
        Ok(Self { shape, bytes: bytemuck::cast_slice_mut(values) })
    }

    /// The same, where options may ask for an element type.
    ///
    /// # Errors
    /// Also [`Error::Invalid`] where they ask for another.
    #[cfg(not(target_arch = "wasm32"))]
    pub(in crate::runtime) fn asked_for<G: Float>(
        operation: &'static str,
        element: Option<Element>,
        logits: Shape,
        values: &'a mut [G],
    ) -> Result<Self> {
        match element.filter(|&element| element != G::ELEMENT) {
            Some(element) => {
                let (expected, found) = (G::ELEMENT.name(), element.name());
                Err(Error::invalid(operation, "element type of the results", expected, found))
            }
            None => Self::new(operation, logits, values),
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

/// A matrix of our own of this element type, where there is one, and what `fill` returns.
pub(in crate::runtime) async fn owned<T>(
    operation: &'static str,
    logits: Shape,
    element: Option<Element>,
    fill: impl AsyncFnOnce(Option<MatrixOutput<'_>>) -> Result<T>,
) -> Result<(Option<OwnedValues>, T)> {
    let count = logits.elements().unwrap_or(usize::MAX);
    let Some(element) = element else { return Ok((None, fill(None).await?)) };
    macro_rules! of {
        ($type:ty) => {{
            let mut values: Vec<$type> = bytemuck::zeroed_vec(count);
            let result = fill(Some(MatrixOutput::new(operation, logits, &mut values)?)).await?;
            (Some(<$type>::owned(values)), result)
        }};
    }
    Ok(match element {
        Element::F32 => of!(f32),
        Element::F16 => of!(half::f16),
        Element::Bf16 => of!(half::bf16),
    })
}
