//! One array of a file, and its elements.

use std::borrow::Cow;
use std::fmt;

use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{ClassIndices, Float as _, Values};

use super::bytes::{Number, elements, row_major};

/// The element types that the operations take, and a name for each of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned byte.
    U8,
    /// Anything else, as the file names it.
    Other(String),
}

impl Dtype {
    /// Whether classes may have this type.
    pub fn is_index(&self) -> bool {
        matches!(self, Self::I32 | Self::I64 | Self::U32 | Self::U8)
    }

    /// Whether logits may have this type.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::Bf16)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::I32 => "I32",
            Self::I64 => "I64",
            Self::U32 => "U32",
            Self::U8 => "U8",
            Self::Other(name) => name,
        })
    }
}

/// An array as it lies in the file: little-endian, its length checked against shape and type.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// The name, where the format has names.
    pub name: Option<String>,
    /// The element type.
    pub dtype: Dtype,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Whether the first dimension, not the last, is contiguous.
    pub fortran_order: bool,
    /// The elements.
    pub bytes: &'a [u8],
}

impl fmt::Display for Tensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "`{name}` ")?;
        }
        write!(f, "{} {:?}", self.dtype, self.shape)
    }
}

impl<'a> Tensor<'a> {
    fn elements<T: Number>(&self) -> Cow<'a, [T]> {
        let stored = elements(self.bytes);
        if self.fortran_order { row_major(stored, &self.shape) } else { stored }
    }

    /// The elements, the last dimension contiguous; `None` for types that are no floats.
    pub fn floats(&self) -> Option<Floats<'a>> {
        Some(match self.dtype {
            Dtype::F32 => Floats::F32(self.elements()),
            Dtype::F16 => Floats::F16(self.elements()),
            Dtype::Bf16 => Floats::Bf16(self.elements()),
            _ => return None,
        })
    }

    /// The elements, the last dimension contiguous; `None` for types that are no indices.
    pub fn indices(&self) -> Option<Indices<'a>> {
        Some(match self.dtype {
            Dtype::I32 => Indices::I32(self.elements()),
            Dtype::I64 => Indices::I64(self.elements()),
            Dtype::U32 => Indices::U32(self.elements()),
            Dtype::U8 => Indices::U8(self.elements()),
            _ => return None,
        })
    }
}

/// Logits, probabilities, weights: the file's own elements where they are aligned.
#[derive(Clone, Debug)]
pub enum Floats<'a> {
    /// Single precision.
    F32(Cow<'a, [f32]>),
    /// Half precision.
    F16(Cow<'a, [f16]>),
    /// The upper half of single precision.
    Bf16(Cow<'a, [bf16]>),
}

impl<'a> Floats<'a> {
    /// As the library has them.
    pub fn values(&self) -> Values<'_> {
        match self {
            Self::F32(values) => Values::F32(values),
            Self::F16(values) => Values::F16(values),
            Self::Bf16(values) => Values::Bf16(values),
        }
    }

    /// As single precision, exactly.
    pub fn into_f32(self) -> Cow<'a, [f32]> {
        match self {
            Self::F32(values) => values,
            Self::F16(values) => values.iter().map(|value| value.widen()).collect(),
            Self::Bf16(values) => values.iter().map(|value| value.widen()).collect(),
        }
    }
}

/// Target classes: the file's own elements where they are aligned.
#[derive(Clone, Debug)]
pub enum Indices<'a> {
    /// 32-bit integers.
    I32(Cow<'a, [i32]>),
    /// 64-bit integers.
    I64(Cow<'a, [i64]>),
    /// Unsigned 32-bit integers.
    U32(Cow<'a, [u32]>),
    /// Unsigned bytes.
    U8(Cow<'a, [u8]>),
}

impl Indices<'_> {
    /// As the library has them.
    pub fn classes(&self) -> ClassIndices<'_> {
        match self {
            Self::I32(indices) => ClassIndices::I32(indices),
            Self::I64(indices) => ClassIndices::I64(indices),
            Self::U32(indices) => ClassIndices::U32(indices),
            Self::U8(indices) => ClassIndices::U8(indices),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: Dtype, shape: &[usize], bytes: &'static [u8]) -> Tensor<'static> {
        Tensor { name: None, dtype, shape: shape.to_vec(), fortran_order: false, bytes }
    }

    #[test]
    fn indices_of_every_width() {
        let classes = |dtype, shape: &[usize], bytes| {
            let indices = tensor(dtype, shape, bytes).indices().expect("indices");
            let classes = indices.classes();
            (0..classes.len()).filter_map(|row| classes.get(row)).collect::<Vec<_>>()
        };
        let bytes = [3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff].as_slice();
        assert_eq!(classes(Dtype::I64, &[1], bytes), [-4_294_967_293]);
        assert_eq!(classes(Dtype::I32, &[2], bytes), [3, -1]);
        assert_eq!(classes(Dtype::U32, &[2], bytes), [3, 4_294_967_295]);
        assert_eq!(classes(Dtype::U8, &[8], bytes), [3, 0, 0, 0, 255, 255, 255, 255]);
        assert!(tensor(Dtype::F32, &[2], bytes).indices().is_none());
    }

    #[test]
    fn floats_of_every_type_widen_exactly() {
        let bytes = [0, 60, 128, 63].as_slice();
        let widened = |dtype, shape: &[usize]| {
            tensor(dtype, shape, bytes).floats().expect("floats").into_f32().into_owned()
        };
        assert_eq!(widened(Dtype::F16, &[2]), [1.0, 1.875]);
        assert_eq!(widened(Dtype::Bf16, &[2]), [0.007_812_5, 1.0]);
        assert_eq!(widened(Dtype::F32, &[1]), [f32::from_bits(0x3f80_3c00)]);
        assert!(tensor(Dtype::U8, &[4], bytes).floats().is_none());
    }
}
