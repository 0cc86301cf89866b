//! Which values of a matrix make up a result.

/// Which values make up a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Those of a row: a result for each row. With rows side by side, that is over the middle axis
    /// of `(outer, classes, inner)`.
    EachRow,
    /// Those of a column: a result for each column.
    EachColumn,
    /// All of them: one result.
    #[default]
    All,
}
