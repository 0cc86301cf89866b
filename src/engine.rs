//! The one-call form of every operation, which the GPU and both CPU engines answer alike.

use crate::{CrossEntropy, CrossEntropyOutput, Error, LogSumExp, LogSumExpOutput, Logits, Result};

/// The upstream gradient: the derivative of whatever is minimised with respect to this
/// operation's result. `1` when the result itself is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Upstream<'a> {
    /// One factor for every row.
    Scalar(f32),
    /// A factor for each row; only where the operation's result has a value for each row.
    PerRow(&'a [f32]),
}

impl Default for Upstream<'_> {
    fn default() -> Self {
        Self::Scalar(1.0)
    }
}

impl Upstream<'_> {
    /// The factor of one row.
    pub(crate) fn of_row(&self, row: usize) -> f32 {
        match self {
            Self::Scalar(value) => *value,
            Self::PerRow(values) => values[row],
        }
    }

    /// Refuses a factor for each row where rows and factors differ in number, or where the result
    /// is reduced to one value.
    pub(crate) fn validate(
        &self,
        operation: &'static str,
        rows: usize,
        reduced: bool,
    ) -> Result<()> {
        match self {
            Self::PerRow(_) if reduced => Err(Error::invalid(
                operation,
                "upstream gradient",
                "a scalar, since the loss is reduced to one value",
                "one value per row",
            )),
            Self::PerRow(values) if values.len() != rows => Err(Error::invalid(
                operation,
                "upstream gradient",
                format!("{rows} values, one per row"),
                values.len(),
            )),
            _ => Ok(()),
        }
    }
}

/// Host data in, numbers out. [`Gpu`](crate::Gpu), [`cpu::Fast`](crate::cpu::Fast) and
/// [`cpu::Oracle`](crate::cpu::Oracle) are interchangeable behind it.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::{CrossEntropy, Engine, Logits, cpu};
/// let engines: [&dyn Engine; 2] = [&cpu::Oracle, &cpu::Fast];
/// for engine in engines {
///     // Two classes with equal logits: the loss is ln 2.
///     let loss = engine.cross_entropy(Logits::new(&[0.5, 0.5], 1, 2)?, &[1], &CrossEntropy::default())?;
///     assert!((loss.loss - 2f32.ln()).abs() < 1e-7);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Engine {
    /// What computes, for people: `cpu::Fast, 8 threads`, or the adapter's name.
    fn name(&self) -> String;

    /// What an engine implements of log-sum-exp: with the gradient where there is an upstream one.
    ///
    /// # Errors
    /// As [`log_sum_exp_with_gradient`](Self::log_sum_exp_with_gradient).
    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput>;

    /// What an engine implements of cross-entropy: with the gradient where there is an upstream one.
    ///
    /// # Errors
    /// As [`cross_entropy_with_gradient`](Self::cross_entropy_with_gradient).
    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput>;

    /// `log sum_c exp(x_c)` of each row.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::OutOfMemory`] or [`Error::Device`] where a device fails.
    fn log_sum_exp(&self, logits: Logits<'_>, options: &LogSumExp) -> Result<LogSumExpOutput> {
        self.evaluate_log_sum_exp(logits, None, options)
    }

    /// The same, with the gradient `upstream * softmax(x)` from the same read of the logits.
    ///
    /// # Errors
    /// Also [`Error::Invalid`] when the upstream gradient has the wrong length.
    fn log_sum_exp_with_gradient(
        &self,
        logits: Logits<'_>,
        upstream: Upstream<'_>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.evaluate_log_sum_exp(logits, Some(upstream), options)
    }

    /// Softmax cross-entropy of each row against its target class, reduced as the options say.
    ///
    /// # Errors
    /// [`Error::Invalid`] for zero classes or a wrong number of targets,
    /// [`Error::TargetOutOfRange`] for a target that is neither a class nor the ignore index.
    fn cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.evaluate_cross_entropy(logits, targets, None, options)
    }

    /// The same, with the gradient with respect to the logits from the same read of them.
    ///
    /// # Errors
    /// Also [`Error::Invalid`] when the upstream gradient has the wrong length, or a value per
    /// row although the loss is reduced.
    fn cross_entropy_with_gradient(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.evaluate_cross_entropy(logits, targets, Some(upstream), options)
    }
}
