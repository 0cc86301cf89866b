//! Results as a .safetensors file: whole, or not at all, or written through to what is no file.

use std::cmp::Reverse;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use wgpu_loss::{Element, Values};

use super::bytes::native;
use super::mapped::Mapped;
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
    /// Classes, or their ranks.
    Integers(&'a [u32]),
}

impl<'a> Elements<'a> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Floats(values) => dtype(values.element()),
            Self::Integers(_) => Dtype::U32,
        }
    }

    /// Bytes of one element.
    pub fn size(&self) -> usize {
        self.dtype().bitsize() / 8
    }

    /// As the machine has them.
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Floats(values) => values.bytes(),
            Self::Integers(integers) => bytemuck::cast_slice(integers),
        }
    }
}

/// What is known of an array before it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: &'static str,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// The type of its elements.
    pub dtype: Dtype,
}

impl Planned {
    /// Of floating-point numbers.
    pub fn floats(name: &'static str, shape: &[usize], element: Element) -> Self {
        Self { name, shape: shape.to_vec(), dtype: dtype(element) }
    }

    /// Of classes.
    pub fn integers(name: &'static str, shape: &[usize]) -> Self {
        Self { name, shape: shape.to_vec(), dtype: Dtype::U32 }
    }

    /// Bytes of all elements.
    fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

impl Array<'_> {
    /// What is known of it.
    pub fn plan(&self) -> Planned {
        Planned { name: self.name, shape: self.shape.clone(), dtype: self.elements.dtype() }
    }
}

fn dtype(element: Element) -> Dtype {
    match element {
        Element::F32 => Dtype::F32,
        Element::F16 => Dtype::F16,
        Element::Bf16 => Dtype::BF16,
    }
}

/// Where the arrays of a file lie.
pub struct Plan {
    /// The beginning of the file.
    pub header: Vec<u8>,
    /// Each array, with its bytes in the file.
    pub arrays: Vec<(Planned, Range<usize>)>,
    /// Bytes of the file.
    pub length: usize,
}

impl Plan {
    /// Of a file of these arrays.
    pub fn new(mut arrays: Vec<Planned>) -> io::Result<Self> {
        // The widest elements first, so that all of them are aligned.
        arrays.sort_by_key(|array| Reverse(array.dtype.bitsize()));
        let mut end = 0;
        let mut next = |array: &Planned| {
            let start = end;
            end += array.bytes();
            (start, end)
        };
        let offsets: Vec<_> = arrays.iter().map(&mut next).collect();
        let tensors = arrays.iter().zip(&offsets).map(|(array, &data_offsets)| {
            let info = TensorInfo { dtype: array.dtype, shape: array.shape.clone(), data_offsets };
            (array.name.to_owned(), info)
        });
        let header = encoded(tensors.collect())?;
        let first = header.len();
        let in_file = |(start, end)| first + start..first + end;
        let arrays = arrays.into_iter().zip(offsets.into_iter().map(in_file)).collect();
        Ok(Self { header, arrays, length: first + end })
    }
}

fn encoded(tensors: Vec<(String, TensorInfo)>) -> io::Result<Vec<u8>> {
    let metadata = Metadata::new(None, tensors).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&metadata)?;
    // The format wants the data aligned to 8 bytes, by spaces after the header.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes(), header.as_slice()].concat())
}

impl Pending {
    /// Writes the arrays and gives the file its name.
    pub fn write(self, arrays: Vec<Array<'_>>) -> Result<()> {
        self.fill(|to| fill(to, &arrays))
    }
}

fn fill(to: &mut dyn Write, arrays: &[Array<'_>]) -> io::Result<()> {
    let plan = Plan::new(arrays.iter().map(Array::plan).collect())?;
    let mut out = BufWriter::new(to);
    out.write_all(&plan.header)?;
    for (planned, _) in plan.arrays {
        for array in arrays.iter().filter(|array| array.name == planned.name) {
            out.write_all(&native(array.elements.bytes(), array.elements.size()))?;
        }
    }
    out.flush()
}

/// Where results go.
pub enum Destination {
    /// Nowhere: no file is wanted.
    Nowhere,
    /// To a file, once they are complete.
    File(Pending),
    /// To a file whose gradient is written while it is computed.
    Mapped(Box<Mapped>),
}

impl Destination {
    /// For these arrays and a gradient, where there is one; whatever keeps the file from being
    /// written is refused here.
    pub fn new(path: Option<&Path>, rows: Vec<Planned>, gradient: Option<Planned>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Nowhere) };
        let pending = Pending::create(path)?;
        Ok(match gradient {
            Some(gradient) => Self::Mapped(Box::new(Mapped::new(pending, rows, gradient)?)),
            None => Self::File(pending),
        })
    }

    /// Memory for the gradient.
    pub fn gradient(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Mapped(mapped) => Some(mapped.in_place()),
            _ => None,
        }
    }

    /// Writes the arrays, and gives the file its name.
    pub fn write(self, arrays: Vec<Array<'_>>) -> Result<()> {
        match self {
            Self::Nowhere => Ok(()),
            Self::File(pending) => pending.write(arrays),
            Self::Mapped(mapped) => mapped.write(&arrays),
        }
    }
}
