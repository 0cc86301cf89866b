//! The upstream gradient of operations whose results are of rows.

/// The upstream gradient: the derivative of whatever is minimised with respect to this
/// operation's result. `1` when the result itself is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Upstream<'a> {
    /// One factor for every row.
    Scalar(f32),
    /// A factor for each row; only where the operation's result has a value for each row. Of a
    /// reduction: a factor for each result.
    PerRow(&'a [f32]),
}

impl Default for Upstream<'_> {
    fn default() -> Self {
        Self::Scalar(1.0)
    }
}

impl<'a> Upstream<'a> {
    /// That of some of the rows.
    #[cfg(feature = "runtime")]
    pub(crate) fn of_rows(self, rows: &std::ops::Range<usize>) -> Upstream<'a> {
        match self {
            Self::Scalar(_) => self,
            Self::PerRow(values) => Self::PerRow(&values[rows.clone()]),
        }
    }

    /// The factor of one row.
    ///
    /// # Panics
    /// Where each row has a factor, and there is no such row.
    pub fn of_row(&self, row: usize) -> f32 {
        match self {
            Self::Scalar(value) => *value,
            Self::PerRow(values) => values[row],
        }
    }
}
