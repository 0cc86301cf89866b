//! Elements as files have them, of either byte order, and as the machine has them.

use std::borrow::Cow;

use wgpu_loss::half::{bf16, f16};

use super::memory;

/// Little-endian elements of `size` bytes in the machine's order, or the other way round.
pub fn native(bytes: &[u8], size: usize) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") || size <= 1 {
        Cow::Borrowed(bytes)
    } else {
        Cow::Owned(bytes.chunks(size).flat_map(|element| element.iter().rev()).copied().collect())
    }
}

/// Numbers that files hold. For all of them, any bytes are a value.
pub trait Number: bytemuck::Pod {
    /// With its bytes in the other order.
    fn swapped(self) -> Self;
}

macro_rules! numbers {
    ($($float:ty),*; $($integer:ty),*) => {
        $(impl Number for $float {
            fn swapped(self) -> Self {
                Self::from_bits(self.to_bits().swap_bytes())
            }
        })*
        $(impl Number for $integer {
            fn swapped(self) -> Self {
                self.swap_bytes()
            }
        })*
    };
}

numbers!(f16, bf16, f32, f64; i8, i16, i32, i64, u8, u16, u32, u64);

/// The elements, one by one; what is left of the bytes after the last whole one is dropped.
pub fn each<T: Number>(bytes: &[u8], big_endian: bool) -> impl Iterator<Item = T> {
    let swap = big_endian != cfg!(target_endian = "big") && size_of::<T>() > 1;
    bytes.chunks_exact(size_of::<T>()).map(move |bytes| {
        let value: T = bytemuck::pod_read_unaligned(bytes);
        if swap { value.swapped() } else { value }
    })
}

/// The elements: the file's own where they are aligned and in the machine's byte order.
pub fn elements<T: Number>(bytes: &[u8], big_endian: bool) -> Result<Cow<'_, [T]>, String> {
    if big_endian == cfg!(target_endian = "big") || size_of::<T>() == 1 {
        // The header may have any length, so the data may start anywhere.
        if let Ok(values) = bytemuck::try_cast_slice(bytes) {
            return Ok(Cow::Borrowed(values));
        }
    }
    memory::collect(bytes.len() / size_of::<T>(), each(bytes, big_endian)).map(Cow::Owned)
}

/// Elements with the last dimension contiguous, of some with the first dimension contiguous.
pub fn row_major<'a, T: Copy>(
    columns: Cow<'a, [T]>,
    shape: &[usize],
) -> Result<Cow<'a, [T]>, String> {
    if shape.iter().filter(|length| **length > 1).count() <= 1 {
        return Ok(columns);
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
    let count = columns.len();
    memory::collect(count, std::iter::repeat_n((), count).map(next)).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little<T: Number>(bytes: &[u8]) -> Vec<T> {
        elements(bytes, false).expect("memory").into_owned()
    }

    #[test]
    fn misaligned_elements_are_copied() {
        // One of these two starts at an address that is no multiple of 4.
        let bytes: [u8; 9] = [0, 0, 0, 128, 63, 0, 0, 128, 63];
        assert_eq!(little::<f32>(&bytes[1..5]), [1.0]);
        assert_eq!(little::<f32>(&bytes[5..9]), [1.0]);
        let shifted: [u8; 6] = [0, 0, 128, 63, 0, 60];
        assert_eq!(little::<f32>(&shifted[..4]), [1.0]);
        assert_eq!(little::<bf16>(&shifted[2..4]), [bf16::ONE]);
        assert_eq!(little::<f16>(&shifted[4..]), [f16::ONE]);
        assert!(little::<i64>(&[]).is_empty());
    }

    #[test]
    fn either_byte_order_is_the_machine_s() {
        let big = |bytes: &[u8]| elements::<i16>(bytes, true).expect("memory").into_owned();
        assert_eq!(big(&[1, 2, 255, 254]), [258, -2]);
        assert_eq!(little::<i16>(&[2, 1, 254, 255]), [258, -2]);
        assert_eq!(*elements::<f64>(&[63, 240, 0, 0, 0, 0, 0, 0], true).expect("memory"), [1.0]);
        assert_eq!(*elements::<f16>(&[60, 0], true).expect("memory"), [f16::ONE]);
        assert!(matches!(elements::<u8>(&[1, 2], true), Ok(Cow::Borrowed([1, 2]))));
    }

    #[test]
    fn columns_become_rows() {
        let columns = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        let rows = |shape: &[usize]| row_major(Cow::Borrowed(&columns[..]), shape);
        assert_eq!(rows(&[2, 3]).expect("memory"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].as_slice());
        // x[i][j][k] = 100 i + 10 j + k
        let cube = [0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121];
        let expected = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121];
        assert_eq!(
            row_major(Cow::Borrowed(&cube[..]), &[2, 3, 2]).expect("memory"),
            expected.as_slice()
        );
        assert!(row_major(Cow::Borrowed(&[0_u8; 0]), &[2, 0, 3]).is_ok_and(|it| it.is_empty()));
        assert!(matches!(row_major(Cow::Borrowed(&cube[..]), &[1, 12, 1]), Ok(Cow::Borrowed(_))));
    }
}
