//! Segments of rows, cut into pieces where a row's number is a multiple of [`PIECE_ROWS`], and which
//! of their partial results some of the rows make up.

use std::ops::Range;

use super::PIECE_ROWS;

/// Segments that have rows, one behind the other. What segment `s` has of the `t`th `PIECE_ROWS` rows
/// is the partial result `s + t`, counted from the first.
#[derive(Clone, Debug)]
pub(crate) struct SegmentCuts {
    /// Where each starts, and where the last ends.
    offsets: Vec<u32>,
    most_of_unit: usize,
}

/// Some of the rows, or of the segments: the segments that they belong to, and their partial results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentPart {
    pub(crate) segments: Range<usize>,
    pub(crate) rows: Range<usize>,
    /// Partial results of each column.
    pub(crate) partials: Range<usize>,
}

impl SegmentPart {
    /// A segment without rows, of one row that is no segment's.
    pub(crate) fn of_nothing() -> Self {
        Self { segments: 0..1, rows: 0..1, partials: 0..1 }
    }
}

impl SegmentCuts {
    /// Of segments that all have rows, by where each starts and where the last ends; at least one.
    pub(crate) fn new(offsets: Vec<u32>) -> Self {
        let mut cuts = Self { offsets, most_of_unit: 0 };
        let Range { start, end } = cuts.rows();
        let of_unit = |first| cuts.of_rows(first..end.min(first + PIECE_ROWS)).segments.len();
        cuts.most_of_unit = (start..end).step_by(PIECE_ROWS).map(of_unit).max().unwrap_or(0);
        cuts
    }

    /// Number of segments.
    pub(crate) fn segments(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn offset(&self, segment: usize) -> usize {
        self.offsets.get(segment).map_or(0, |&offset| offset as usize)
    }

    /// The rows, from the start of a unit on.
    pub(crate) fn rows(&self) -> Range<usize> {
        self.offset(0) / PIECE_ROWS * PIECE_ROWS..self.offset(self.segments())
    }

    /// The first partial result of a segment; of one behind the last, that of a segment without rows.
    fn first_partial(&self, segment: usize) -> usize {
        segment + self.offset(segment) / PIECE_ROWS - self.rows().start / PIECE_ROWS
    }

    /// Partial results of each column.
    pub(crate) fn partials(&self) -> usize {
        self.first_partial(self.segments())
    }

    /// At most so many partial results of each column do so many rows have that start with a unit,
    /// and so many segments.
    pub(crate) fn most_partials(&self, rows: usize) -> usize {
        rows.div_ceil(PIECE_ROWS) * self.most_of_unit + 1
    }

    /// What belongs to these rows, which start with a unit, and end with one or with all rows.
    pub(crate) fn of_rows(&self, rows: Range<usize>) -> SegmentPart {
        let (starts, ends) = match self.offsets.as_slice() {
            [] => (&[][..], &[][..]),
            offsets => (&offsets[..offsets.len() - 1], &offsets[1..]),
        };
        let is_last = rows.end == self.rows().end;
        // One that ends right before them has an empty piece here.
        let first = ends.partition_point(|&end| (end as usize) < rows.start);
        let behind = match is_last {
            true => starts.len(),
            false => starts.partition_point(|&start| (start as usize) < rows.end),
        };
        let units = |row: usize| (row - self.rows().start) / PIECE_ROWS;
        let first_partial = first + units(rows.start);
        let behind_last = behind + units(rows.end) - usize::from(!is_last);
        SegmentPart { segments: first..behind, rows, partials: first_partial..behind_last }
    }

    /// These segments alone.
    pub(crate) fn of_segments(&self, segments: Range<usize>) -> SegmentPart {
        let first_row = self.offset(segments.start) / PIECE_ROWS * PIECE_ROWS;
        let partials = self.first_partial(segments.start)..self.first_partial(segments.end);
        SegmentPart { rows: first_row..self.offset(segments.end), segments, partials }
    }

    /// As many segments, from this one on, as have no more than so many partial results, but one.
    pub(crate) fn next_segments(
        &self,
        first: usize,
        partials: usize,
        segments: usize,
    ) -> Range<usize> {
        let before = self.first_partial(first);
        let mut behind = first + 1;
        let most = self.segments().min(first.saturating_add(segments));
        while behind < most && self.first_partial(behind + 1) - before <= partials {
            behind += 1;
        }
        first..behind
    }

    /// Where the segments of a part start among its rows, and where the last ends.
    pub(crate) fn offsets(&self, part: &SegmentPart) -> Vec<u32> {
        let SegmentPart { segments, rows, .. } = part;
        let among = |offset: &u32| (*offset as usize).clamp(rows.start, rows.end) - rows.start;
        let offsets = &self.offsets[segments.start..=segments.end];
        offsets.iter().map(|offset| among(offset) as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: u32 = PIECE_ROWS as u32;

    /// The rows of the partial results of a part, as kernels find them by its offsets.
    fn found(cuts: &SegmentCuts, part: &SegmentPart) -> Vec<(usize, Range<usize>)> {
        let offsets: Vec<_> = cuts.offsets(part).iter().map(|&each| each as usize).collect();
        let first_piece = |segment: usize| segment + offsets[segment] / PIECE_ROWS;
        let rows_of = |piece: usize| {
            let segment = (0..part.segments.len()).rfind(|&each| first_piece(each) <= piece)?;
            let first = (piece - segment) * PIECE_ROWS;
            let end = offsets[segment + 1].min(first + PIECE_ROWS);
            let start = first.max(offsets[segment]).min(end);
            Some((part.segments.start + segment, start + part.rows.start..end + part.rows.start))
        };
        (0..part.partials.len()).filter_map(rows_of).collect()
    }

    #[test]
    fn parts_have_the_partial_results_of_the_whole() {
        let lists: [&[u32]; 6] = [
            &[0, 1],
            &[0, UNIT, 2 * UNIT],
            &[3, 9, UNIT - 1, UNIT, UNIT + 1, 5 * UNIT + 7, 6 * UNIT],
            &[2 * UNIT + 5, 2 * UNIT + 6, 4 * UNIT, 4 * UNIT + 1, 9 * UNIT + 100],
            &[UNIT, 4 * UNIT, 8 * UNIT + 1],
            &[0, 10 * UNIT],
        ];
        for offsets in lists {
            let cuts = SegmentCuts::new(offsets.to_vec());
            let all = cuts.of_rows(cuts.rows());
            assert_eq!(all.partials, 0..cuts.partials(), "{offsets:?}");
            let whole = found(&cuts, &all);
            for units in 1..4 {
                let mut list = Vec::new();
                let mut first = cuts.rows().start;
                while first < cuts.rows().end {
                    let rows = first..cuts.rows().end.min(first + units * PIECE_ROWS);
                    first = rows.end;
                    let part = cuts.of_rows(rows.clone());
                    assert_eq!(part.partials.start, list.len(), "{offsets:?} {part:?}");
                    let most = cuts.most_partials(rows.len());
                    assert!(part.partials.len() <= most && part.segments.len() <= most);
                    let mut found = found(&cuts, &part);
                    // Those of no rows are alike wherever they are.
                    found.iter_mut().filter(|(_, rows)| rows.is_empty()).for_each(|it| it.1 = 0..0);
                    list.extend(found);
                }
                let mut whole = whole.clone();
                whole.iter_mut().filter(|(_, rows)| rows.is_empty()).for_each(|it| it.1 = 0..0);
                assert_eq!(list, whole, "{offsets:?} by {units}");
            }
        }
    }

    #[test]
    fn segments_have_the_partial_results_of_their_own() {
        let offsets = vec![3, 9, UNIT - 1, UNIT, UNIT + 1, 5 * UNIT + 7, 6 * UNIT];
        let cuts = SegmentCuts::new(offsets);
        for (partials, segments) in [(1, 1), (3, 9), (7, 2), (100, 100)] {
            let mut first = 0;
            let mut met = 0;
            while first < cuts.segments() {
                let some = cuts.next_segments(first, partials, segments);
                assert!(some.start == first && !some.is_empty() && some.len() <= segments);
                first = some.end;
                let part = cuts.of_segments(some);
                assert_eq!(part.partials.start, met);
                met = part.partials.end;
                let found = found(&cuts, &part);
                assert_eq!(found.len(), part.partials.len(), "{part:?}");
                for (segment, rows) in found {
                    let of_segment = cuts.offset(segment)..cuts.offset(segment + 1);
                    assert!(of_segment.start <= rows.start && rows.end <= of_segment.end);
                }
            }
            assert_eq!(met, cuts.partials());
        }
    }
}
