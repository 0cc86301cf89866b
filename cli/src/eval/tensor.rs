//! One array of a file, and its elements.

use std::borrow::Cow;
use std::fmt;

use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{ClassIndices, Float as _, Values};

use super::bytes::{Number, each, elements, row_major};
use super::dtype::Dtype;
use super::memory;

/// An array as it lies in the file, its length checked against shape and type.
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
    /// Whether the first byte of an element, not the last, is the most significant.
    pub big_endian: bool,
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
    /// Refuses an array whose bytes are not as many as its elements take.
    pub fn checked(self) -> Result<Self, String> {
        let Some(size) = self.dtype.size() else {
            // Of other types only the name is needed, for the message that refuses them.
            return Ok(self);
        };
        let (Self { dtype, shape, .. }, found) = (&self, self.bytes.len());
        let expected = length(shape, size)?;
        if found != expected {
            let what = if found < expected { "truncated" } else { "bytes after the array" };
            return Err(format!("{what}: {dtype} {shape:?} takes {expected} bytes, found {found}"));
        }
        Ok(self)
    }

    fn elements<T: Number>(&self) -> Result<Cow<'a, [T]>, String> {
        self.ordered(elements(self.bytes, self.big_endian)?)
    }

    /// Elements, the last dimension contiguous, of some as they lie in the file.
    fn ordered<T: Copy>(&self, stored: Cow<'a, [T]>) -> Result<Cow<'a, [T]>, String> {
        if self.fortran_order { row_major(stored, &self.shape) } else { Ok(stored) }
    }

    /// The elements of another type, the last dimension contiguous.
    fn converted<T: Number, U: Copy>(
        &self,
        convert: impl FnMut(T) -> U,
    ) -> Result<Cow<'a, [U]>, String> {
        let values = each(self.bytes, self.big_endian).map(convert);
        self.ordered(Cow::Owned(memory::collect(self.bytes.len() / size_of::<T>(), values)?))
    }

    /// The elements, the last dimension contiguous; double precision is rounded to single.
    pub fn floats(&self) -> Result<Floats<'a>, String> {
        self.floats_counting(&mut 0)
    }

    /// The same, counting finite numbers that single precision does not hold, which are infinite
    /// then.
    pub fn floats_counting(&self, beyond: &mut usize) -> Result<Floats<'a>, String> {
        Ok(match self.dtype {
            Dtype::F32 => Floats::F32(self.elements()?),
            Dtype::F16 => Floats::F16(self.elements()?),
            Dtype::Bf16 => Floats::Bf16(self.elements()?),
            Dtype::F64 => Floats::F32(self.converted(|value: f64| {
                let single = value as f32;
                *beyond += usize::from(single.is_infinite() && value.is_finite());
                single
            })?),
            _ => return Err(format!("expected floats, found {self}")),
        })
    }

    /// The elements as floats, integers too where each is a number that single precision holds.
    pub fn numbers_counting(&self, beyond: &mut usize) -> Result<Floats<'a>, String> {
        if self.dtype.is_float() {
            return self.floats_counting(beyond);
        }
        let indices = self.indices()?;
        let integers = indices.classes();
        let mut numbers = memory::vector(integers.len())?;
        for (at, integer) in (0..integers.len()).filter_map(|at| Some((at, integers.get(at)?))) {
            let number = integer as f32;
            // From 2^63 on no i64 is that large, and the cast back would saturate.
            if number as i64 != integer || number >= 2.0_f32.powi(63) {
                return Err(format!("element {at} is {integer}, which f32 does not hold"));
            }
            numbers.push(number);
        }
        Ok(Floats::F32(Cow::Owned(numbers)))
    }

    /// The elements, the last dimension contiguous, where the type is one of integers or bool.
    pub fn indices(&self) -> Result<Indices<'a>, String> {
        Ok(match self.dtype {
            Dtype::I32 => Indices::I32(self.elements()?),
            Dtype::I64 => Indices::I64(self.elements()?),
            Dtype::U32 => Indices::U32(self.elements()?),
            Dtype::U8 => Indices::U8(self.elements()?),
            Dtype::I8 => Indices::I32(self.converted(|value: i8| value.into())?),
            Dtype::I16 => Indices::I32(self.converted(|value: i16| value.into())?),
            Dtype::U16 => Indices::I32(self.converted(|value: u16| value.into())?),
            Dtype::U64 => Indices::I64(self.unsigned()?),
            Dtype::Bool => Indices::U8(self.booleans()?),
            _ => return Err(format!("expected integers, found {self}")),
        })
    }

    /// As integers with a sign.
    fn unsigned(&self) -> Result<Cow<'a, [i64]>, String> {
        let values = self.converted(|value: u64| value as i64)?;
        match values.iter().position(|value| *value < 0) {
            Some(at) => {
                Err(format!("row {at} is {}, expected at most {}", values[at] as u64, i64::MAX))
            }
            None => Ok(values),
        }
    }

    /// 0 for false and 1 for true.
    fn booleans(&self) -> Result<Cow<'a, [u8]>, String> {
        let values = self.elements::<u8>()?;
        match values.iter().position(|value| *value > 1) {
            Some(at) => Err(format!("row {at} is {}, expected 0 or 1 of a bool", values[at])),
            None => Ok(values),
        }
    }

    /// Why floats are no classes and no ids, where they are floats.
    pub fn not_integers(&self) -> Option<String> {
        if !self.dtype.is_float() {
            return None;
        }
        let floats = self.floats().ok()?.into_f32();
        Some(match floats.iter().position(|value| value.fract() != 0.0) {
            None => {
                "these are whole numbers of a float type: save them by x.astype(\"int64\")".into()
            }
            Some(row) => format!("row {row} is {}", floats[row]),
        })
    }
}

/// Bytes of an array of these dimensions, with elements of so many bytes.
pub fn length(shape: &[usize], size: usize) -> Result<usize, String> {
    shape
        .iter()
        .try_fold(size, |product, length| product.checked_mul(*length))
        .ok_or_else(|| format!("wrong header: shape {shape:?} is too large"))
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
        let shape = shape.to_vec();
        Tensor { name: None, dtype, shape, fortran_order: false, big_endian: false, bytes }
    }

    fn classes(tensor: &Tensor<'_>) -> Vec<i64> {
        let indices = tensor.indices().expect("indices");
        let classes = indices.classes();
        (0..classes.len()).filter_map(|row| classes.get(row)).collect()
    }

    #[test]
    fn indices_of_every_width() {
        let bytes = [3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff].as_slice();
        for (dtype, expected) in [
            (Dtype::I64, vec![-4_294_967_293]),
            (Dtype::I32, vec![3, -1]),
            (Dtype::U32, vec![3, 4_294_967_295]),
            (Dtype::I16, vec![3, 0, -1, -1]),
            (Dtype::U16, vec![3, 0, 65_535, 65_535]),
            (Dtype::I8, vec![3, 0, 0, 0, -1, -1, -1, -1]),
            (Dtype::U8, vec![3, 0, 0, 0, 255, 255, 255, 255]),
        ] {
            assert_eq!(classes(&tensor(dtype, &[expected.len()], bytes)), expected);
        }
        assert!(tensor(Dtype::F32, &[2], bytes).indices().is_err());
        assert_eq!(classes(&tensor(Dtype::Bool, &[2], &[0, 1])), [0, 1]);
        let message = tensor(Dtype::Bool, &[2], &[1, 7]).indices().expect_err("no bool");
        assert_eq!(message, "row 1 is 7, expected 0 or 1 of a bool");
    }

    #[test]
    fn the_largest_integers_are_refused_by_row() {
        let bytes = [0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 127].as_slice();
        assert_eq!(classes(&tensor(Dtype::U64, &[2], bytes)), [1 << 56, i64::MAX]);
        let big = Tensor { big_endian: true, ..tensor(Dtype::U64, &[2], bytes) };
        let message = big.indices().expect_err("too large");
        assert!(message.starts_with("row 1 is 18446744073709551487, expected at"), "{message}");
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
        assert!(tensor(Dtype::U8, &[4], bytes).floats().is_err());
    }

    #[test]
    fn double_precision_is_rounded_once() {
        // Half way between two floats, and a little more; both go through no third type.
        let values = [1.0 + 2.0_f64.powi(-24), 1.0 + 2.0_f64.powi(-24) + 2.0_f64.powi(-50), 1e300];
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        let bytes: &'static [u8] = bytes.leak();
        let big = Tensor { big_endian: true, ..tensor(Dtype::F64, &[3], bytes) };
        let mut beyond = 0;
        let floats = big.floats_counting(&mut beyond).expect("floats").into_f32();
        assert_eq!(*floats, [1.0, 1.0 + f32::EPSILON, f32::INFINITY]);
        assert_eq!(beyond, 1);
    }

    #[test]
    fn integers_are_numbers_where_single_precision_holds_them() {
        let numbers = |values: &[i64]| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let tensor = tensor(Dtype::I64, &[values.len()], bytes.leak());
            tensor.numbers_counting(&mut 0).map(|floats| floats.into_f32().into_owned())
        };
        assert_eq!(
            numbers(&[0, -3, 1 << 24, i64::MIN]),
            Ok(vec![0.0, -3.0, 16_777_216.0, -9_223_372_036_854_775_808.0])
        );
        let message = numbers(&[0, (1 << 24) + 1]).expect_err("between two floats");
        assert_eq!(message, "element 1 is 16777217, which f32 does not hold");
        assert!(numbers(&[i64::MAX]).is_err());
    }
}
