//! One array of a file, and its conversion to what the operations take.

use std::borrow::Cow;
use std::fmt;

/// The element types that the operations take, and a name for each of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// Single precision.
    F32,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Unsigned byte.
    U8,
    /// Anything else, as the file names it.
    Other(String),
}

impl Dtype {
    /// Whether targets may have this type.
    pub fn is_target(&self) -> bool {
        matches!(self, Self::I32 | Self::I64 | Self::U8)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => write!(f, "F32"),
            Self::I32 => write!(f, "I32"),
            Self::I64 => write!(f, "I64"),
            Self::U8 => write!(f, "U8"),
            Self::Other(name) => write!(f, "{name}"),
        }
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

/// Logits in memory.
#[derive(Clone, Debug)]
pub struct Matrix<'a> {
    /// Row-major elements: the file's own where they are aligned.
    pub values: Cow<'a, [f32]>,
    /// Number of rows.
    pub rows: usize,
    /// Number of classes.
    pub classes: usize,
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
    /// As logits: two dimensions of `f32`.
    pub fn logits(&self) -> Result<Matrix<'a>, String> {
        let (Dtype::F32, &[rows, classes]) = (&self.dtype, self.shape.as_slice()) else {
            return Err(format!("logits: expected F32 [rows, classes], found {self}"));
        };
        let stored: Cow<'a, [f32]> = if cfg!(target_endian = "little") {
            match bytemuck::try_cast_slice(self.bytes) {
                Ok(values) => Cow::Borrowed(values),
                // The header may have any length, so the data may start anywhere.
                Err(_) => Cow::Owned(elements(self.bytes, f32::from_le_bytes)),
            }
        } else {
            Cow::Owned(elements(self.bytes, f32::from_le_bytes))
        };
        let values = if self.fortran_order && rows > 1 && classes > 1 {
            Cow::Owned(transpose(&stored, rows, classes))
        } else {
            stored
        };
        Ok(Matrix { values, rows, classes })
    }

    /// As targets: one dimension of integers, each within 32 bits.
    pub fn targets(&self) -> Result<Vec<i32>, String> {
        if self.shape.len() != 1 || !self.dtype.is_target() {
            return Err(format!("targets: expected I32, I64 or U8 [rows], found {self}"));
        }
        match self.dtype {
            Dtype::I32 => Ok(elements(self.bytes, i32::from_le_bytes)),
            Dtype::I64 => elements(self.bytes, i64::from_le_bytes)
                .into_iter()
                .enumerate()
                .map(|(row, value)| {
                    i32::try_from(value).map_err(|_| {
                        format!("targets: row {row} is {value}, which no 32-bit integer holds")
                    })
                })
                .collect(),
            _ => Ok(self.bytes.iter().copied().map(i32::from).collect()),
        }
    }
}

fn elements<const SIZE: usize, T>(bytes: &[u8], convert: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.as_chunks::<SIZE>().0.iter().map(|chunk| convert(*chunk)).collect()
}

/// Row-major order of a matrix stored column by column.
fn transpose(columns: &[f32], rows: usize, classes: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(columns.len());
    for row in 0..rows {
        values.extend((0..classes).map(|class| columns[class * rows + row]));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: Dtype, shape: &[usize], bytes: &'static [u8]) -> Tensor<'static> {
        Tensor { name: None, dtype, shape: shape.to_vec(), fortran_order: false, bytes }
    }

    #[test]
    fn misaligned_logits_are_copied() {
        // One of these two starts at an address that is no multiple of 4.
        static BYTES: [u8; 9] = [0, 0, 0, 128, 63, 0, 0, 0, 0];
        let one = tensor(Dtype::F32, &[1, 1], &BYTES[1..5]);
        assert_eq!(one.logits().map(|matrix| matrix.values.to_vec()), Ok(vec![1.0]));
        static SHIFTED: [u8; 9] = [0, 0, 128, 63, 0, 0, 0, 0, 0];
        let one = tensor(Dtype::F32, &[1, 1], &SHIFTED[0..4]);
        assert_eq!(one.logits().map(|matrix| matrix.values.to_vec()), Ok(vec![1.0]));
    }

    #[test]
    fn targets_of_every_width() {
        let bytes = [3, 0, 0, 0, 0, 0, 0, 0].as_slice();
        assert_eq!(tensor(Dtype::I64, &[1], bytes).targets(), Ok(vec![3]));
        assert_eq!(tensor(Dtype::I32, &[2], bytes).targets(), Ok(vec![3, 0]));
        assert_eq!(tensor(Dtype::U8, &[8], bytes).targets(), Ok(vec![3, 0, 0, 0, 0, 0, 0, 0]));
        let large = tensor(Dtype::I64, &[1], &[0, 0, 0, 0, 1, 0, 0, 0]).targets();
        assert!(large.is_err_and(|message| message.contains("row 0 is 4294967296")));
    }

    #[test]
    fn columns_become_rows() {
        assert_eq!(
            transpose(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], 2, 3),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
    }
}
