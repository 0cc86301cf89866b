//! Memory for results. The operating system hands it out zeroed, a page at a time as they are first
//! written; where there are many, that takes longer than all that is computed. So does writing zeros to
//! memory that was in use before.
#![allow(unsafe_code)]

use bytemuck::{Pod, Zeroable};

use crate::error::Result;
use crate::memory;

/// Bytes from which large pages are asked for: some of them lie wholly inside.
#[cfg(target_os = "linux")]
const MUCH: usize = 1 << 23;

/// So many zeros, in large pages where there are many.
pub(super) fn zeroed<T: Zeroable>(operation: &'static str, count: usize) -> Result<Vec<T>> {
    let mut values = memory::zeros(operation, count)?;
    ask_for_large_pages(&mut values);
    Ok(values)
}

/// So many values, whatever the memory holds: to be written, every one, before any is read. Where
/// debug assertions are on, they are all ones, which is NaN.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) fn unwritten<T: Pod>(operation: &'static str, count: usize) -> Result<Vec<T>> {
    let mut values = memory::reserved::<T>(operation, count)?;
    let start = values.as_mut_ptr();
    // SAFETY: the assembly gets hold of memory that is ours alone and may write any of it, so that for
    // the compiler it is initialised from here on; all bits are values of `T`.
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) start, options(nostack, preserves_flags));
        values.set_len(count);
    }
    if cfg!(debug_assertions) {
        bytemuck::cast_slice_mut::<T, u8>(&mut values).fill(0xff);
    }
    ask_for_large_pages(&mut values);
    Ok(values)
}

/// The same, where the compiler has to see values.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn unwritten<T: Pod>(operation: &'static str, count: usize) -> Result<Vec<T>> {
    zeroed(operation, count)
}

/// Linux gives each process the choice. An advice: nothing else depends on whether it is taken.
#[cfg(target_os = "linux")]
fn ask_for_large_pages<T>(values: &mut [T]) {
    const PAGE: usize = 1 << 12;
    let bytes = size_of_val(values);
    if bytes < MUCH {
        return;
    }
    let start = values.as_mut_ptr().cast::<u8>();
    let inside = start.align_offset(PAGE);
    let length = (bytes - inside.min(bytes)) / PAGE * PAGE;
    // SAFETY: whole pages of memory that is ours alone; their contents stay as they are.
    unsafe { libc::madvise(start.add(inside.min(bytes)).cast(), length, libc::MADV_HUGEPAGE) };
}

/// Elsewhere the system decides.
#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages<T>(_: &mut [T]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_and_can_be_written() {
        for count in [0, 1, (1 << 21) + 3, (1 << 22) + 1] {
            let mut values = zeroed::<f32>("", count).expect("memory");
            assert!(values.len() == count && values.iter().all(|&value| value == 0.0));
            values.fill(1.0);
            assert!(values.iter().all(|&value| value == 1.0));
            drop(values);
            let mut values = unwritten::<f32>("", count).expect("memory");
            assert_eq!(values.len(), count);
            values.fill(2.0);
            assert!(values.iter().all(|&value| value == 2.0));
        }
    }
}
