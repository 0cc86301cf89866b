//! Results as a .safetensors file: whole, or not at all.

use std::cmp::Reverse;
use std::io::{self, BufWriter, Write};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use wgpu_loss::{Element, Values};

use super::bytes::native;
use crate::failure::Result;
pub use crate::pending::Pending;

/// One array of the file.
pub struct Array<'a> {
    /// Its name.
    pub name: &'static str,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Its elements.
    pub elements: Elements<'a>,
}

/// The elements of an array.
pub enum Elements<'a> {
    /// Floating-point numbers.
    Floats(Values<'a>),
    /// Classes.
    Classes(&'a [u32]),
}

impl<'a> Elements<'a> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Floats(values) => match values.element() {
                Element::F32 => Dtype::F32,
                Element::F16 => Dtype::F16,
                Element::Bf16 => Dtype::BF16,
            },
            Self::Classes(_) => Dtype::U32,
        }
    }

    /// Bytes of one element.
    fn size(&self) -> usize {
        self.dtype().bitsize() / 8
    }

    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Floats(values) => values.bytes(),
            Self::Classes(classes) => bytemuck::cast_slice(classes),
        }
    }
}

impl Pending {
    /// Writes the arrays and gives the file its name.
    pub fn write(self, mut arrays: Vec<Array<'_>>) -> Result<()> {
        // The widest elements first, so that all of them are aligned.
        arrays.sort_by_key(|array| Reverse(array.elements.size()));
        self.fill(|file| fill(file, &arrays))
    }
}

fn fill(file: &mut std::fs::File, arrays: &[Array<'_>]) -> io::Result<()> {
    let mut start = 0;
    let tensors = arrays.iter().map(|array| {
        let end = start + array.elements.bytes().len();
        let info = TensorInfo {
            dtype: array.elements.dtype(),
            shape: array.shape.clone(),
            data_offsets: (start, end),
        };
        start = end;
        (array.name.to_owned(), info)
    });
    let metadata = Metadata::new(None, tensors.collect()).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&metadata)?;
    // The format wants the data aligned to 8 bytes, by spaces after the header.
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut out = BufWriter::new(file);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for array in arrays {
        out.write_all(&native(array.elements.bytes(), array.elements.size()))?;
    }
    out.flush()
}
