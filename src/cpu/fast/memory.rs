//! Fresh memory for results. The operating system hands it out zeroed, a page at a time as they are
//! first written; where there are many, that takes longer than all that is computed.
#![allow(unsafe_code)]

use bytemuck::Zeroable;
use bytemuck::allocation::zeroed_vec;

/// Bytes from which large pages are asked for: some of them lie wholly inside.
#[cfg(target_os = "linux")]
const MUCH: usize = 1 << 23;

/// So many zeros, in large pages where there are many.
pub(super) fn zeroed<T: Zeroable>(count: usize) -> Vec<T> {
    let mut values = zeroed_vec(count);
    ask_for_large_pages(&mut values);
    values
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
            let mut values = zeroed::<f32>(count);
            assert!(values.len() == count && values.iter().all(|&value| value == 0.0));
            values.fill(1.0);
            assert!(values.iter().all(|&value| value == 1.0));
        }
    }
}
