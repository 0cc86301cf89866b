//! Everything that can go wrong, as one type.

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal or a failure: it names the operation, what was needed and what was there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No adapter that wgpu can use was found.
    #[error("no GPU adapter found{wanted}: {advice}")]
    NoAdapter {
        /// What was asked for, as ` named "..."`, or empty.
        wanted: String,
        /// How to get an adapter.
        advice: String,
    },

    /// An argument has the wrong size, value or form.
    #[error("{operation}: {what}: expected {expected}, found {found}")]
    Invalid {
        /// The operation that refused.
        operation: &'static str,
        /// The argument.
        what: &'static str,
        /// What it should have been.
        expected: String,
        /// What it was.
        found: String,
    },

    /// A target is neither a class nor the ignore index; the first such row is named.
    #[error(
        "{operation}: target of row {row} is {value}, expected 0 to {last} or the ignore index",
        last = i64::try_from(*classes).unwrap_or(i64::MAX) - 1
    )]
    TargetOutOfRange {
        /// The operation that refused.
        operation: &'static str,
        /// The first row with such a target.
        row: usize,
        /// Its target.
        value: i64,
        /// Number of classes.
        classes: usize,
    },

    /// A tuning is not one that a planner can use; a file of one names itself.
    #[error("{place}: {field}: expected {expected}, found {found}")]
    Tuning {
        /// The file, or `tuning`.
        place: String,
        /// The field.
        field: String,
        /// What it should have been.
        expected: String,
        /// What it was.
        found: String,
    },

    /// A file cannot be read or written.
    #[error("{operation}: {path}: {message}", path = path.display())]
    File {
        /// What was going on.
        operation: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        message: String,
    },

    /// The device is too small for the request.
    #[error("{operation}: needs {limit} of at least {needed}, the device has {available}")]
    Limit {
        /// The operation that refused.
        operation: &'static str,
        /// wgpu's name of the limit or feature.
        limit: &'static str,
        /// What the request needs.
        needed: u64,
        /// What the device has.
        available: u64,
    },

    /// The device was lost; everything made from it is gone.
    #[error("{operation}: the device was lost ({reason})")]
    DeviceLost {
        /// What was going on.
        operation: &'static str,
        /// What the driver said.
        reason: String,
    },

    /// The device did not finish in the time it was given; its work goes on, without us.
    #[error("{operation}: the device was not done after {waited:?}")]
    Timeout {
        /// What was going on.
        operation: &'static str,
        /// How long it was waited for.
        waited: std::time::Duration,
    },

    /// The device ran out of memory, or the host for results.
    #[error("{operation}: out of memory ({message})")]
    OutOfMemory {
        /// What was going on.
        operation: &'static str,
        /// What wgpu said, or how much was wanted.
        message: String,
    },

    /// Whoever watched the call had enough of it.
    #[error("{operation}: cancelled after {rows_done} of {rows} rows")]
    Cancelled {
        /// What was going on.
        operation: &'static str,
        /// Rows whose results had come.
        rows_done: usize,
        /// Rows of the batch.
        rows: usize,
    },

    /// WGSL of the caller's holds what a kernel may not.
    #[error("{operation}: line {line} of its WGSL: {reason}: `{text}`")]
    Wgsl {
        /// Whose it is.
        operation: &'static str,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong with it.
        reason: String,
        /// The line's text.
        text: String,
    },

    /// A loss of the caller's is not the same everywhere: the first input where it is not.
    #[error(
        "{operation}: {what} at x = {x:?}, t = {t:?}: WGSL gives {wgsl:?}, the function {function:?}{}",
        slope.as_ref().map_or_else(String::new, |slope| format!(", differences of the function's values {slope:.3}"))
    )]
    Disagreement {
        /// The loss.
        operation: &'static str,
        /// `value` or `derivative`.
        what: &'static str,
        /// The input.
        x: f32,
        /// The target.
        t: f32,
        /// What the WGSL module gave.
        wgsl: f32,
        /// What the function gave.
        function: f64,
        /// The derivative by differences of the function's values; of values there is none.
        slope: Option<f64>,
    },

    /// wgpu refused or failed.
    #[error("{operation}: {message}")]
    Device {
        /// What was going on.
        operation: &'static str,
        /// What wgpu said.
        message: String,
    },
}

impl Error {
    /// Shorthand for [`Error::Invalid`].
    pub(crate) fn invalid(
        operation: &'static str,
        what: &'static str,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::Invalid { operation, what, expected: expected.to_string(), found: found.to_string() }
    }
}
