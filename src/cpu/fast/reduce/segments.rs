//! Reductions of the rows of each segment.

use std::ops::Range;

use super::job::Job;
use super::kind::Kind;
use super::operands::Operands;
use super::outputs::Results;
use crate::cpu::fast::split::for_rows;
use crate::error::Result;
use crate::logits::Shape;
use crate::memory::{collected, zeros};
use crate::ops::reduce::Reduce;
use crate::ops::reduce::validate::OPERATION;
use crate::segments::Segments;

/// Which rows are whose.
pub(super) struct Grouped {
    /// The rows, segment by segment and ascending within each; `None`: as they are.
    pub(super) order: Option<Vec<usize>>,
    /// Where each segment's rows begin in that order, and where the last one's end.
    starts: Vec<usize>,
}

impl Grouped {
    pub(super) fn new(segments: Segments<'_>) -> Result<Self> {
        match segments {
            Segments::Offsets(offsets) => {
                let starts = offsets.iter().map(|&offset| offset as usize);
                Ok(Self { order: None, starts: collected(OPERATION, starts)? })
            }
            Segments::Ids { ids, segments } => Self::of_ids(ids, segments),
        }
    }

    /// A counting sort, which leaves rows of one segment in their order.
    fn of_ids(ids: &[i32], segments: usize) -> Result<Self> {
        // A negative id is no segment's.
        let rows = || {
            let of_segment = |(row, &id): (usize, &i32)| Some((row, usize::try_from(id).ok()?));
            ids.iter().enumerate().filter_map(of_segment)
        };
        let mut starts: Vec<usize> = zeros(OPERATION, segments + 1)?;
        rows().for_each(|(_, segment)| starts[segment + 1] += 1);
        for segment in 0..segments {
            starts[segment + 1] += starts[segment];
        }
        let mut next = collected(OPERATION, starts.iter().copied())?;
        let mut order = zeros(OPERATION, starts[segments])?;
        for (row, segment) in rows() {
            order[next[segment]] = row;
            next[segment] += 1;
        }
        Ok(Self { order: Some(order), starts })
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    fn rows(&self, segment: usize) -> Range<usize> {
        self.starts[segment]..self.starts[segment + 1]
    }
}

/// Every column of every segment.
pub(super) fn write<K: Kind>(
    operands: &Operands<'_>,
    groups: &Grouped,
    options: &Reduce,
    results: &mut Results,
) -> Result<()> {
    let columns = operands.shape().classes;
    let count = groups.count() * columns;
    let job = |segment| Job::of_rows(operands, options, groups.rows(segment));
    let usual = operands.rows().div_ceil(groups.count().max(1));
    for_rows(0..count, Shape::new(count, usual), results.outputs(None), &|part, mut outputs| {
        let mut next = part.start;
        while next < part.end {
            let (segment, first) = (next / columns, next % columns);
            let end = columns.min(first + part.end - next);
            let job = job(segment);
            if job.is_short() {
                job.write_short::<K>(first..end, next - part.start, &mut outputs);
            }
            next += end - first;
        }
    });
    // Long ones are spread over threads each for itself.
    for segment in 0..groups.count() {
        let job = job(segment);
        if columns > 0 && !job.is_short() {
            job.write::<K>(results.outputs(None).part(segment * columns, columns))?;
        }
    }
    Ok(())
}
