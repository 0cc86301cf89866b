//! How many classes come before one.

use pulp::{Simd, WithSimd};

use super::simd::dispatch;

/// As `torch.topk` orders classes: NaN, then the greater logits; the lower of equals.
pub(super) fn rank(row: &[f32], class: usize) -> usize {
    let (below, own) = (&row[..class], row[class]);
    if own.is_nan() {
        return below.iter().filter(|x| x.is_nan()).count();
    }
    dispatch(CountBefore { row, own, class })
}

/// Elements that are greater than `own` or NaN, and those before `class` that equal it.
struct CountBefore<'a> {
    row: &'a [f32],
    own: f32,
    class: usize,
}

/// Elements that are counted in as many bits as they have.
const PART: usize = 1 << 16;

impl WithSimd for CountBefore<'_> {
    type Output = usize;

    // No closures: they are compiled without the instructions that were chosen.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        let Self { row, own, class } = self;
        let mut all = 0;
        for part in row.chunks(PART) {
            let mut count = 0u32;
            for &x in part {
                count += u32::from((x > own) | x.is_nan());
            }
            all += count as usize;
        }
        for part in row[..class].chunks(PART) {
            let mut count = 0u32;
            for &x in part {
                count += u32::from(x == own);
            }
            all += count as usize;
        }
        all
    }
}
