//! Any engine against [`cpu::Oracle`](crate::cpu::Oracle): what a kernel returns on the adapter at
//! hand, for shapes around every boundary, special values and every option.
//!
//! ```
//! # fn main() -> wgpu_loss::Result<()> {
//! use wgpu_loss::{cpu, verify};
//! let cases = verify::cases(verify::Extent::Quick);
//! let result = cases[0].check(&cpu::Fast);
//! assert!(result.passed(), "{}: {:?}", cases[0], result.failure);
//! # Ok(())
//! # }
//! ```

mod cases;
mod compare;
mod data;

pub use cases::{
    Case, CaseData, CaseResult, Fault, Operation, cases, check_cross_entropy, check_log_sum_exp,
};
pub use data::{Content, Factor, Targets};

use crate::{Engine, Error, Result};

/// How much is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Seconds, the shapes around every boundary.
    #[default]
    Quick,
    /// Minutes: every shape, special value and option.
    Full,
}

/// One case that differs from the oracle.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The case, readable.
    pub case: String,
    /// What differs.
    pub message: String,
}

/// What was checked and how far off it was.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cases compared with the oracle.
    pub checked: usize,
    /// Cases outside the tolerance: relative error 2e-6 of losses and log-sum-exps, 2e-6 of the
    /// upstream factor for gradients; special values, counts and classes exactly.
    pub failed: usize,
    /// The largest relative error of a loss, log-sum-exp or gradient; that of a gradient is
    /// relative to its upstream factor.
    pub worst_relative_error: f64,
    /// The case it was seen in.
    pub worst_case: String,
    /// The cases that failed.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Whether something was checked and nothing failed.
    pub fn passed(&self) -> bool {
        self.checked > 0 && self.failed == 0
    }
}

/// Compares an engine with [`cpu::Oracle`](crate::cpu::Oracle); `progress` is told (done, total).
///
/// # Errors
/// [`Error::DeviceLost`] and [`Error::NoAdapter`], after which no case has a meaning. Every other
/// error that the oracle does not return too is a failed case.
pub fn verify(
    engine: &dyn Engine,
    extent: Extent,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Report> {
    let cases = cases(extent);
    let mut report = Report::default();
    for case in &cases {
        progress(report.checked, cases.len());
        let result = case.check(engine);
        if let Some(error @ (Error::DeviceLost { .. } | Error::NoAdapter { .. })) = result.error {
            return Err(error);
        }
        report.checked += 1;
        if result.worst_relative_error > report.worst_relative_error {
            report.worst_relative_error = result.worst_relative_error;
            report.worst_case = case.to_string();
        }
        if let Some(message) = result.failure {
            report.failed += 1;
            report.failures.push(Failure { case: case.to_string(), message });
        }
    }
    progress(report.checked, cases.len());
    Ok(report)
}
