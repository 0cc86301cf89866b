//! Rows grouped into segments.

/// Which rows belong together: sequences of a batch, classes, groups of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Segments<'a> {
    /// Segment `s` is rows `offsets[s]..offsets[s + 1]`: the row pointers of a compressed sparse
    /// row matrix. One more than there are segments, ascending, the last at most the number of
    /// rows. Rows before the first and from the last on belong to no segment.
    Offsets(&'a [u32]),
    /// The segment of each row, in any order. A row with a negative id belongs to none, as one that
    /// a loss ignores.
    Ids {
        /// One for each row.
        ids: &'a [i32],
        /// Number of segments, beyond every id.
        segments: usize,
    },
}

impl Segments<'_> {
    /// Number of segments.
    pub fn len(&self) -> usize {
        match self {
            Self::Offsets(offsets) => offsets.len().saturating_sub(1),
            Self::Ids { segments, .. } => *segments,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
