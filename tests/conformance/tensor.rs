//! Tensors of a suite: the dtypes of FORMAT.md, as vectors.

use safetensors::tensor::{Dtype, TensorView};

/// Values of one of the four dtypes.
#[derive(Clone, Debug)]
pub enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    U8(Vec<u8>),
}

/// Values in row-major order.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Data,
}

impl Tensor {
    /// A copy of a stored tensor.
    pub fn read(view: &TensorView<'_>) -> Result<Self, String> {
        fn all<const N: usize, T>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
            let (chunks, _) = bytes.as_chunks::<N>();
            chunks.iter().map(|chunk| of(*chunk)).collect()
        }
        let data = match view.dtype() {
            Dtype::F32 => Data::F32(all(view.data(), f32::from_le_bytes)),
            Dtype::F64 => Data::F64(all(view.data(), f64::from_le_bytes)),
            Dtype::I64 => Data::I64(all(view.data(), i64::from_le_bytes)),
            Dtype::U8 => Data::U8(view.data().to_vec()),
            other => return Err(format!("a tensor of {other:?}, which FORMAT.md does not have")),
        };
        Ok(Self { shape: view.shape().to_vec(), data })
    }

    /// Every value, widened.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            Data::F32(values) => values.iter().map(|&value| value.into()).collect(),
            Data::F64(values) => values.clone(),
            Data::I64(values) => values.iter().map(|&value| value as f64).collect(),
            Data::U8(values) => values.iter().map(|&value| value.into()).collect(),
        }
    }

    /// Every value as the engines take them: stored as `f32`, or as an `f64` that is one.
    pub fn into_f32(self) -> Result<Vec<f32>, String> {
        match self.data {
            Data::F32(values) => Ok(values),
            Data::F64(values) => Ok(values.into_iter().map(|value| value as f32).collect()),
            _ => Err("integers where numbers belong".into()),
        }
    }

    /// Every value as an index.
    pub fn into_i64(self) -> Result<Vec<i64>, String> {
        match self.data {
            Data::I64(values) => Ok(values),
            _ => Err("numbers where indices belong".into()),
        }
    }

    /// Rows and columns of a matrix.
    pub fn matrix(&self) -> Result<(usize, usize), String> {
        match self.shape[..] {
            [rows, columns] => Ok((rows, columns)),
            ref other => Err(format!("shape {other:?} where a matrix belongs")),
        }
    }
}
