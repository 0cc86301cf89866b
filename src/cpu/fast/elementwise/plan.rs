//! Elements in parts of a fixed size, and their sums: added up in an order that depends on the shape
//! alone, so that the same input gives the same bits on any number of threads.

use std::ops::Range;

use super::lines::{Direction, Lines, for_pieces};
use crate::cpu::fast::simd::dispatch;
use crate::error::Result;
use crate::memory::zeros;

/// Elements that are computed together: their operands and results fit the fastest cache.
pub(super) const BLOCK: usize = 1 << 10;

/// Elements of a part of one result: some ten microseconds.
const PIECE: usize = 1 << 14;

/// Elements of a part of results side by side: so many that merging them costs little.
const TILE: usize = 1 << 16;

/// The parts of all elements.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) lines: Lines,
    pub(super) direction: Direction,
    /// Parts of a line, or of a block of lines; of all elements where lines do not matter.
    parts: usize,
    /// Lines of a part.
    together: usize,
}

impl Plan {
    pub(super) fn new(lines: Lines, direction: Direction) -> Self {
        let length = lines.length.max(1);
        // Few lines are spread over threads, too; their sums are not many.
        let together = (TILE / length).max((lines.count() / 8).min(16)).max(1);
        let parts = match direction {
            Direction::Each | Direction::All => lines.elements().div_ceil(PIECE),
            Direction::Along => length.div_ceil(PIECE),
            Direction::Across => lines.of_block.div_ceil(together),
        };
        Self { lines, direction, parts, together }
    }

    pub(super) fn parts(&self) -> usize {
        match self.direction {
            Direction::Each | Direction::All => self.parts,
            Direction::Along => self.parts * self.lines.count(),
            Direction::Across => self.parts * self.lines.blocks,
        }
    }

    /// Elements of a part, about.
    pub(super) fn elements_of_part(&self) -> usize {
        match self.direction {
            Direction::Each | Direction::All => PIECE,
            Direction::Along => self.lines.length.min(PIECE),
            Direction::Across => self.together * self.lines.length,
        }
    }

    /// Sums of a part.
    pub(super) fn sums_of_part(&self) -> usize {
        match self.direction {
            Direction::Each => 0,
            Direction::Along | Direction::All => 1,
            Direction::Across => self.lines.length,
        }
    }

    /// A part's first element; of the part after the last, the number of all.
    pub(super) fn start(&self, part: usize) -> usize {
        let Lines { length, of_block, .. } = self.lines;
        let (outer, within) = (part / self.parts, part % self.parts);
        match self.direction {
            Direction::Each | Direction::All => (part * PIECE).min(self.lines.elements()),
            Direction::Along => outer * length + (within * PIECE).min(length),
            Direction::Across => (outer * of_block + (within * self.together)) * length,
        }
    }

    /// Short lines that are computed together, each a part.
    pub(super) fn parts_of_block(&self) -> usize {
        match self.direction {
            Direction::Along => (BLOCK / self.lines.length).max(1),
            _ => 1,
        }
    }

    /// Adds values from the element `start` of a part, or of parts that are computed together, to
    /// their sums.
    pub(super) fn add(&self, start: usize, values: &[f32], sums: &mut [f64]) {
        let length = self.lines.length;
        match self.direction {
            Direction::Each => {}
            Direction::All => sums[0] += sum(values),
            Direction::Along if length > BLOCK => sums[0] += sum(values),
            Direction::Along => {
                for (line, to) in values.chunks_exact(length).zip(sums) {
                    *to += sum(line);
                }
            }
            Direction::Across => {
                for_pieces(start..start + values.len(), length, |_, place, part| {
                    add_each(&values[part], &mut sums[place..]);
                });
            }
        }
    }

    /// The same of a single element.
    pub(super) fn add_one(&self, start: usize, offset: usize, value: f64, sums: &mut [f64]) {
        let length = self.lines.length;
        let sum = match self.direction {
            Direction::Each => None,
            Direction::All => sums.first_mut(),
            Direction::Along if length > BLOCK => sums.first_mut(),
            Direction::Along => sums.get_mut(offset / length),
            Direction::Across => sums.get_mut((start + offset) % length),
        };
        if let Some(sum) = sum {
            *sum += value;
        }
    }

    /// The results' sums from those of all parts.
    pub(super) fn merge(
        &self,
        operation: &'static str,
        sums: &[f64],
        results: usize,
    ) -> Result<Vec<f64>> {
        let Lines { length, of_block, .. } = self.lines;
        let mut merged = zeros(operation, results)?;
        match self.direction {
            Direction::Each => {}
            Direction::All => merged[0] = sums.iter().sum(),
            Direction::Along => {
                for (line, of_line) in sums.chunks_exact(self.parts).enumerate() {
                    // A column has a line in each block.
                    merged[line % of_block] += of_line.iter().sum::<f64>();
                }
            }
            Direction::Across => {
                let of_blocks = sums.chunks_exact(self.parts * length);
                for (of_block, merged) in of_blocks.zip(merged.chunks_exact_mut(length)) {
                    for of_part in of_block.chunks_exact(length) {
                        merged.iter_mut().zip(of_part).for_each(|(to, sum)| *to += sum);
                    }
                }
            }
        }
        Ok(merged)
    }

    /// The elements of some parts, in blocks: parts, and elements.
    pub(super) fn for_blocks(
        &self,
        parts: Range<usize>,
        mut call: impl FnMut(Range<usize>, Range<usize>),
    ) {
        let together = self.parts_of_block();
        let mut first = parts.start;
        while first < parts.end {
            let last = parts.end.min(first + together);
            let (mut start, end) = (self.start(first), self.start(last));
            while start < end {
                let most = if last - first > 1 { end } else { end.min(start + BLOCK) };
                call(first..last, start..most);
                start = most;
            }
            first = last;
        }
    }
}

/// Numbers added up side by side.
const SIDE_BY_SIDE: usize = 16;

/// In double precision.
fn sum(values: &[f32]) -> f64 {
    if values.len() < SIDE_BY_SIDE {
        return values.iter().map(|&value| f64::from(value)).sum();
    }
    dispatch(SumOf(values))
}

struct SumOf<'a>(&'a [f32]);

impl pulp::WithSimd for SumOf<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        let mut sums = [0.0; SIDE_BY_SIDE];
        let (chunks, rest) = self.0.as_chunks::<SIDE_BY_SIDE>();
        for chunk in chunks {
            for lane in 0..SIDE_BY_SIDE {
                sums[lane] += f64::from(chunk[lane]);
            }
        }
        for (sum, &value) in sums.iter_mut().zip(rest) {
            *sum += f64::from(value);
        }
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                sums[lane] += sums[lane + half];
            }
        }
        sums[0]
    }
}

fn add_each(values: &[f32], sums: &mut [f64]) {
    if values.len() < SIDE_BY_SIDE {
        sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += f64::from(value));
    } else {
        dispatch(AddEach(values, sums));
    }
}

struct AddEach<'a>(&'a [f32], &'a mut [f64]);

impl pulp::WithSimd for AddEach<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        for (sum, &value) in self.1.iter_mut().zip(self.0) {
            *sum += f64::from(value);
        }
    }
}
