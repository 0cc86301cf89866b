//! Any engine against [`cpu::Oracle`](wgpu_loss::cpu::Oracle): what a kernel returns on the adapter at
//! hand, for shapes around every boundary, special values and every option.
//!
//! ```
//! # fn main() -> wgpu_loss::Result<()> {
//! use wgpu_loss::cpu;
//! use wgpu_loss_verify::{Extent, cases};
//! let cases = cases(Extent::Quick);
//! let result = cases[0].check(&cpu::Fast);
//! assert!(result.passed(), "{}: {:?}", cases[0], result.failure);
//! # Ok(())
//! # }
//! ```

mod call;
mod case;
mod check;
mod compare;
mod content;
mod digest;
mod elementwise;
mod list;
mod operands;
mod parts;
mod random;
mod text;

use wgpu_loss::{Engine, Error, Result};

pub use call::{Call, Matrix, Operation, OwnedSegments, OwnedTargets, OwnedUpstream, OwnedWeights};
pub use case::{Case, Fault};
pub use check::{
    CaseResult, check_cross_entropy, check_elementwise, check_log_sum_exp, check_merged_parts,
    check_reduce, check_reduce_segments, check_softmax, check_softmax_loss,
};
pub use compare::{ElementwiseScale, SoftmaxLossScale};
pub use content::Content;
pub use digest::Digest;
pub use list::cases;
pub use operands::{
    ElementWeights, Factor, Grouping, Ignored, Integer, Numbers, Probabilities, Targets, Teacher,
    Weights,
};

/// How much is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Seconds: a sample of every length, special value, option and operation.
    #[default]
    Quick,
    /// A minute or two on a software adapter, where every new kernel takes its time to compile:
    /// the shapes around every boundary, and every option beside every other.
    Broad,
    /// Minutes: every shape with every special value, options drawn for each.
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
    /// Cases outside the tolerance: relative error 2e-6 of losses, log-sum-exps,
    /// log-probabilities and entropies, 2e-6 of what it is multiplied by for a gradient, beside
    /// what the rounding of transformed logits and half precision allow; 2e-7 of the sum of their
    /// terms' absolute values for sums and means; 2e-6 of [`ElementwiseScale`] for element-wise
    /// losses, and of [`SoftmaxLossScale`] for focal loss and divergences of logits; special values,
    /// counts, classes, maxima and minima exactly.
    pub failed: usize,
    /// The largest error of a result in single precision, as
    /// [`CaseResult::worst_relative_error`].
    pub worst_relative_error: f64,
    /// The case it was seen in.
    pub worst_case: String,
    /// The cases that failed.
    pub failures: Vec<Failure>,
    /// The digest of everything that the engine returned: the same wherever all of it is, so that two
    /// builds, drivers or machines are compared by a word.
    pub digest: Digest,
}

impl Report {
    /// Whether something was checked and nothing failed.
    pub fn passed(&self) -> bool {
        self.checked > 0 && self.failed == 0
    }
}

/// Compares an engine with [`cpu::Oracle`](wgpu_loss::cpu::Oracle); `progress` is told (done, total).
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
        report.digest.add(&result.digest);
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
