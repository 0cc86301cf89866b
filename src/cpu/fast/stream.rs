//! What rows have to do with the caches: stores that pass them by (a result larger than they are would
//! only drive out what is read next, and each of its lines would be read before it is written), and
//! loads that come before their turn.
#![allow(unsafe_code)]

/// Copies without leaving the copy in the caches, where the processor can.
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    x86::copy(from, to);
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    to.copy_from_slice(from);
}

/// Lets every later store of this thread wait for those of [`copy`], as other threads expect of
/// stores. To be called before results are handed over.
pub(super) fn finish() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    x86::finish();
}

/// Asks for what lies as far behind `values` as `behind` bytes, so that it is on its way while these are
/// computed with.
#[inline(always)]
pub(super) fn prefetch<T>(values: &[T], behind: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    x86::prefetch(values, behind);
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (values, behind);
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    use std::arch::x86_64::{
        __m128, _MM_HINT_T0, _mm_loadu_ps, _mm_prefetch, _mm_sfence, _mm_stream_ps,
    };

    /// Bytes that are loaded together.
    const LINE: usize = 64;

    #[inline(always)]
    pub(super) fn prefetch<T>(values: &[T], behind: usize) {
        let first = values.as_ptr().cast::<i8>().wrapping_add(behind);
        for line in 0..size_of_val(values) / LINE {
            // SAFETY: SSE is part of x86_64, and no address is wrong: nothing is read.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(line * LINE)) };
        }
    }

    pub(super) fn copy(from: &[f32], to: &mut [f32]) {
        let length = from.len().min(to.len());
        let (from, to) = (&from[..length], &mut to[..length]);
        // SAFETY: four floats and a vector of them have the same bits, all of which are valid.
        let (head, vectors, tail) = unsafe { to.align_to_mut::<__m128>() };
        let (from_head, from) = from.split_at(head.len());
        head.copy_from_slice(from_head);
        let (chunks, from_tail) = from.as_chunks::<4>();
        for (vector, chunk) in vectors.iter_mut().zip(chunks) {
            // SAFETY: SSE is part of x86_64; `chunk` holds four floats; `vector` is ours alone and
            // aligned by its type.
            unsafe {
                _mm_stream_ps(std::ptr::from_mut(vector).cast(), _mm_loadu_ps(chunk.as_ptr()))
            };
        }
        tail.copy_from_slice(&from_tail[from_tail.len() - tail.len()..]);
    }

    pub(super) fn finish() {
        // SAFETY: SSE is part of x86_64.
        unsafe { _mm_sfence() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_arrives_at_its_place() {
        let from: Vec<f32> = (0..100).map(|x| x as f32).collect();
        for start in 0..9 {
            for length in 0..60 {
                let mut to = vec![-1.0; 100];
                copy(&from[start..start + length], &mut to[start..start + length]);
                finish();
                for (index, &value) in to.iter().enumerate() {
                    let inside = (start..start + length).contains(&index);
                    assert_eq!(value, if inside { index as f32 } else { -1.0 });
                }
            }
        }
    }
}
