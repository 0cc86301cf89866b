//! Memory on the host of a size that the caller decides. Where there is not so much, an error says
//! so; the usual ways to allocate would end the process.
//!
//! A row's or a block's scratch is not from here: it is no larger than what the caller holds.

use crate::error::{Error, Result};

fn out_of_memory<T>(operation: &'static str, count: usize) -> Error {
    let message = match count.checked_mul(size_of::<T>()) {
        Some(bytes) => format!("{bytes} bytes of host memory"),
        None => format!("{count} times {} bytes of host memory", size_of::<T>()),
    };
    Error::OutOfMemory { operation, message }
}

/// Nothing yet, with room for so many.
pub(crate) fn reserved<T>(operation: &'static str, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    match values.try_reserve_exact(count) {
        Ok(()) => Ok(values),
        Err(_) => Err(out_of_memory::<T>(operation, count)),
    }
}

/// So many zeros, which the system has at hand.
#[cfg(any(feature = "cpu", feature = "runtime"))]
pub(crate) fn zeros<T: bytemuck::Zeroable>(
    operation: &'static str,
    count: usize,
) -> Result<Vec<T>> {
    bytemuck::allocation::try_zeroed_vec(count).map_err(|()| out_of_memory::<T>(operation, count))
}

/// One value so many times.
#[cfg(feature = "cpu")]
pub(crate) fn filled<T: Clone>(operation: &'static str, value: T, count: usize) -> Result<Vec<T>> {
    let mut values = reserved(operation, count)?;
    values.resize(count, value);
    Ok(values)
}

/// All of some values.
pub(crate) fn collected<T>(
    operation: &'static str,
    values: impl ExactSizeIterator<Item = T>,
) -> Result<Vec<T>> {
    let mut all = reserved(operation, values.len())?;
    all.extend(values);
    Ok(all)
}

/// What is made only where it is wanted.
#[cfg(feature = "cpu")]
pub(crate) fn when<T>(is_wanted: bool, make: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    is_wanted.then(make).transpose()
}

/// Refuses so many bytes in several parts, each of which the system would promise alone; a promise
/// that it cannot keep ends the process when the memory is used.
#[cfg(any(feature = "cpu", feature = "runtime"))]
pub(crate) fn check(operation: &'static str, parts: &[(usize, usize)]) -> Result<()> {
    let bytes = parts
        .iter()
        .try_fold(0_usize, |sum, &(count, size)| sum.checked_add(count.checked_mul(size)?));
    reserved::<u8>(operation, bytes.unwrap_or(usize::MAX)).map(drop)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_memory_for_is_an_error_with_the_bytes() {
        const MANY: usize = 1 << 50;
        let errors = [
            reserved::<u64>("an operation", MANY).err(),
            zeros::<u64>("an operation", MANY).err(),
            filled("an operation", 1_u64, MANY).err(),
            collected("an operation", (0..MANY).map(|_| 1_u64)).err(),
            check("an operation", &[(MANY, 7), (MANY, 1)]).err(),
        ];
        for error in errors {
            let message = error.expect("an error").to_string();
            assert_eq!(
                message,
                "an operation: out of memory (9007199254740992 bytes of host memory)"
            );
        }
        assert!(filled("an operation", 1_u64, usize::MAX).is_err());
        assert!(check("an operation", &[(usize::MAX, 8)]).is_err());
    }

    #[test]
    fn small_amounts_are_as_they_should_be() {
        assert_eq!(zeros::<u8>("", 3), Ok(vec![0; 3]));
        assert_eq!(filled("", 7, 2), Ok(vec![7, 7]));
        assert_eq!(collected("", 1..4), Ok(vec![1, 2, 3]));
        assert_eq!(when(false, || zeros::<u8>("", usize::MAX)), Ok(None));
        assert_eq!(check("", &[(3, 4), (0, usize::MAX)]), Ok(()));
    }
}
