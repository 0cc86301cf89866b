//! Elements as files have them, little-endian, and as the machine has them.

use std::borrow::Cow;

use wgpu_loss::half::{bf16, f16};

/// Little-endian elements of `size` bytes in the machine's order, or the other way round.
pub fn native(bytes: &[u8], size: usize) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") || size <= 1 {
        Cow::Borrowed(bytes)
    } else {
        Cow::Owned(bytes.chunks(size).flat_map(|element| element.iter().rev()).copied().collect())
    }
}

/// Numbers that files hold. For all of them, any bytes are a value.
pub trait Number: bytemuck::Pod {}
impl Number for f32 {}
impl Number for f16 {}
impl Number for bf16 {}
impl Number for i32 {}
impl Number for i64 {}
impl Number for u32 {}
impl Number for u8 {}

/// Little-endian elements: the file's own where they are aligned.
pub fn elements<T: Number>(bytes: &[u8]) -> Cow<'_, [T]> {
    match native(bytes, size_of::<T>()) {
        Cow::Borrowed(bytes) => match bytemuck::try_cast_slice(bytes) {
            Ok(values) => Cow::Borrowed(values),
            // The header may have any length, so the data may start anywhere.
            Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
        },
        Cow::Owned(bytes) => Cow::Owned(bytemuck::pod_collect_to_vec(&bytes)),
    }
}

/// Elements with the last dimension contiguous, of some with the first dimension contiguous.
pub fn row_major<'a, T: Copy>(columns: Cow<'a, [T]>, shape: &[usize]) -> Cow<'a, [T]> {
    if shape.iter().filter(|length| **length > 1).count() <= 1 {
        return columns;
    }
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    let next = |()| {
        let value = columns[at];
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
        value
    };
    Cow::Owned(std::iter::repeat_n((), columns.len()).map(next).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misaligned_elements_are_copied() {
        // One of these two starts at an address that is no multiple of 4.
        let bytes: [u8; 9] = [0, 0, 0, 128, 63, 0, 0, 128, 63];
        assert_eq!(*elements::<f32>(&bytes[1..5]), [1.0]);
        assert_eq!(*elements::<f32>(&bytes[5..9]), [1.0]);
        let shifted: [u8; 6] = [0, 0, 128, 63, 0, 60];
        assert_eq!(*elements::<f32>(&shifted[..4]), [1.0]);
        assert_eq!(*elements::<bf16>(&shifted[2..4]), [bf16::ONE]);
        assert_eq!(*elements::<f16>(&shifted[4..]), [f16::ONE]);
        assert!(elements::<i64>(&[]).is_empty());
    }

    #[test]
    fn columns_become_rows() {
        let columns = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        assert_eq!(
            *row_major(Cow::Borrowed(&columns[..]), &[2, 3]),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
        // x[i][j][k] = 100 i + 10 j + k
        let cube = [0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121];
        let expected = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121];
        assert_eq!(*row_major(Cow::Borrowed(&cube[..]), &[2, 3, 2]), expected);
        assert!(row_major(Cow::Borrowed(&[0_u8; 0]), &[2, 0, 3]).is_empty());
        assert!(matches!(row_major(Cow::Borrowed(&cube[..]), &[1, 12, 1]), Cow::Borrowed(_)));
    }
}
