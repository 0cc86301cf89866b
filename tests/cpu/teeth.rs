//! `verify` finds what is wrong: engines with one mistake each, the mistakes kernels make.

use std::collections::HashSet;

use wgpu_loss::verify::{self, Content, Extent, Fault, cases};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Error, LogSumExp, LogSumExpOutput, Logits, Reduction,
    Result, Upstream, cpu,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    /// The kernel never ran.
    Zeros,
    /// The upstream gradient is dropped.
    DropsUpstream,
    /// Only the first row's upstream factor is read.
    FirstFactor,
    /// Rows are read as if there were no gaps between them.
    ForgetsGap,
    /// The last class is left out.
    ForgetsLastClass,
    /// `(m + log s) - x_y` in single precision.
    Cancels,
    /// A sum that lost one part in a hundred thousand.
    Inexact,
    /// The mean is over all rows.
    DividesByRows,
    /// Ignored rows get a gradient of 0 even where it is undefined.
    CleansIgnored,
    /// The gradient of an undefined softmax is 0.
    HidesNan,
    /// The highest index on ties.
    LastArgmax,
    /// A target out of range is taken for an ignored one.
    AcceptsTargets,
    /// The last bad target is named.
    NamesLastTarget,
    /// Probabilities too small to matter to the tolerance are left out.
    DropsSmall,
    /// Row losses are returned whether asked for or not.
    Unasked,
    /// Every call fails.
    Refuses,
}

struct Wrong(Mistake);

impl Wrong {
    fn refusal(&self) -> Result<()> {
        match self.0 {
            Mistake::Refuses => {
                Err(Error::Device { operation: "any", message: "it is broken".into() })
            }
            _ => Ok(()),
        }
    }

    fn spoil_gradient(&self, gradient: &mut Option<Vec<f32>>) {
        for x in gradient.iter_mut().flatten() {
            *x = match self.0 {
                Mistake::Zeros => 0.0,
                Mistake::HidesNan if x.is_nan() => 0.0,
                Mistake::DropsSmall if x.abs() < 1e-6 => 0.0,
                _ => *x,
            };
        }
    }

    fn spoil_log_sum_exp(&self, values: &mut [f32]) {
        for x in values {
            match self.0 {
                Mistake::Zeros => *x = 0.0,
                Mistake::Inexact => *x *= 0.99999,
                _ => {}
            }
        }
    }

    /// What a kernel with this mistake takes the logits for.
    fn read(&self, logits: Logits<'_>) -> Vec<f32> {
        let (rows, classes) = (logits.rows(), logits.classes());
        let mut values: Vec<f32> =
            (0..rows).flat_map(|row| logits.row(row).iter().copied()).collect();
        match self.0 {
            Mistake::ForgetsGap => values = logits.values()[..rows * classes].to_vec(),
            Mistake::ForgetsLastClass if classes > 1 => {
                values.chunks_mut(classes).for_each(|row| row[classes - 1] = f32::NEG_INFINITY);
            }
            _ => {}
        }
        values
    }

    fn upstream<'a>(&self, upstream: Upstream<'a>, rows: usize) -> Upstream<'a> {
        match (self.0, upstream) {
            (Mistake::DropsUpstream, Upstream::Scalar(_)) => Upstream::Scalar(1.0),
            (Mistake::FirstFactor, Upstream::PerRow(factors)) if factors.len() == rows => {
                Upstream::Scalar(factors.first().copied().unwrap_or(1.0))
            }
            _ => upstream,
        }
    }

    fn log_sum_exp_with(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
    ) -> Result<LogSumExpOutput> {
        self.refusal()?;
        let values = self.read(logits);
        let logits = Logits::new(&values, logits.rows(), logits.classes())?;
        let options = LogSumExp::default();
        let mut out = match upstream {
            None => cpu::Fast.log_sum_exp(logits, &options)?,
            Some(upstream) => {
                let upstream = self.upstream(upstream, logits.rows());
                cpu::Fast.log_sum_exp_with_gradient(logits, upstream, &options)?
            }
        };
        self.spoil_log_sum_exp(&mut out.log_sum_exp);
        self.spoil_gradient(&mut out.gradient);
        Ok(out)
    }

    fn cross_entropy_with(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.refusal()?;
        let values = self.read(logits);
        let (rows, classes) = (logits.rows(), logits.classes());
        let logits = Logits::new(&values, rows, classes)?;
        let mut targets = targets.to_vec();
        if self.0 == Mistake::AcceptsTargets {
            for target in &mut targets {
                if !(0..classes as i32).contains(target) {
                    *target = options.ignore_index.unwrap_or(0);
                }
            }
        }
        let result = match upstream {
            None => cpu::Fast.cross_entropy(logits, &targets, options),
            Some(upstream) => {
                let upstream = self.upstream(upstream, rows);
                cpu::Fast.cross_entropy_with_gradient(logits, &targets, upstream, options)
            }
        };
        let mut out = match (self.0, result) {
            (Mistake::NamesLastTarget, Err(Error::TargetOutOfRange { value, classes, .. })) => {
                return Err(Error::TargetOutOfRange { row: rows - 1, value, classes });
            }
            (_, result) => result?,
        };
        let counts = |row: usize| Some(targets[row]) != options.ignore_index;
        match self.0 {
            Mistake::Zeros => out.loss = 0.0,
            Mistake::Inexact => out.loss *= 0.99999,
            Mistake::DividesByRows if options.reduction == Reduction::Mean => {
                out.loss *= out.denominator / rows as f32;
            }
            Mistake::CleansIgnored => {
                if let Some(gradient) = &mut out.gradient {
                    for row in (0..rows).filter(|&row| !counts(row)) {
                        gradient[row * classes..][..classes].fill(0.0);
                    }
                }
            }
            Mistake::LastArgmax => {
                if let Some(argmax) = &mut out.argmax {
                    for (row, argmax) in argmax.iter_mut().enumerate() {
                        let best = logits.row(row)[*argmax as usize];
                        let last = logits.row(row).iter().rposition(|&x| x == best);
                        *argmax = last.map_or(*argmax, |last| last as u32);
                    }
                }
            }
            Mistake::Cancels => {
                if let Some(losses) = &mut out.loss_rows {
                    for (row, loss) in losses.iter_mut().enumerate().filter(|&(row, _)| counts(row))
                    {
                        let x = logits.row(row);
                        let m = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                        let s: f32 = x.iter().map(|x| (x - m).exp()).sum();
                        *loss = (m + s.ln()) - x[targets[row] as usize];
                    }
                }
            }
            Mistake::Unasked => {
                out.loss_rows.get_or_insert_with(|| vec![0.0; rows]);
            }
            _ => {}
        }
        if let Some(values) = &mut out.log_sum_exp {
            self.spoil_log_sum_exp(values);
        }
        self.spoil_gradient(&mut out.gradient);
        Ok(out)
    }
}

impl Engine for Wrong {
    fn name(&self) -> String {
        format!("{:?}", self.0)
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        _: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.log_sum_exp_with(logits, upstream)
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.cross_entropy_with(logits, targets, upstream, options)
    }
}

#[test]
fn every_mistake_is_found() {
    let cases = cases(Extent::Quick);
    for mistake in [
        Mistake::Zeros,
        Mistake::DropsUpstream,
        Mistake::FirstFactor,
        Mistake::ForgetsGap,
        Mistake::ForgetsLastClass,
        Mistake::Cancels,
        Mistake::Inexact,
        Mistake::DividesByRows,
        Mistake::CleansIgnored,
        Mistake::HidesNan,
        Mistake::LastArgmax,
        Mistake::AcceptsTargets,
        Mistake::NamesLastTarget,
        Mistake::DropsSmall,
        Mistake::Unasked,
        Mistake::Refuses,
    ] {
        let found = cases.iter().any(|case| !case.check(&Wrong(mistake)).passed());
        assert!(found, "{mistake:?} passes");
    }
}

/// An engine that returns zeros passes only where zeros are right.
#[test]
fn a_report_names_what_failed() {
    let report = verify::verify(&Wrong(Mistake::Zeros), Extent::Quick, &mut |_, _| {}).unwrap();
    assert!(!report.passed());
    assert_eq!(report.failed, report.failures.len());
    assert!(report.failed > report.checked / 2, "{} of {}", report.failed, report.checked);
    assert!(report.worst_relative_error > 0.1);
    let failure = &report.failures[0];
    assert!(failure.case.contains("seed 0x"), "{}", failure.case);
    assert!(failure.message.contains("expected"), "{}", failure.message);
    let long = report.failures.iter().any(|failure| failure.case.contains("x 50257"));
    assert!(long, "zeros pass among many classes");
}

#[test]
fn a_lost_device_ends_the_verification() {
    struct Lost;
    fn lost() -> Error {
        Error::DeviceLost { operation: "any", reason: "unplugged".into() }
    }
    impl Engine for Lost {
        fn name(&self) -> String {
            "lost".into()
        }
        fn evaluate_log_sum_exp(
            &self,
            _: Logits<'_>,
            _: Option<Upstream<'_>>,
            _: &LogSumExp,
        ) -> Result<LogSumExpOutput> {
            Err(lost())
        }
        fn evaluate_cross_entropy(
            &self,
            _: Logits<'_>,
            _: &[i32],
            _: Option<Upstream<'_>>,
            _: &CrossEntropy,
        ) -> Result<CrossEntropyOutput> {
            Err(lost())
        }
    }
    let result = verify::verify(&Lost, Extent::Quick, &mut |_, _| {});
    assert!(matches!(result, Err(Error::DeviceLost { .. })));
}

#[test]
fn the_lists_hold_what_they_promise() {
    let quick = cases(Extent::Quick);
    assert!((100..=400).contains(&quick.len()), "{} cases", quick.len());
    let elements: usize = quick.iter().map(|case| case.shape.rows * case.shape.classes).sum();
    assert!(elements <= 20_000_000, "{elements} elements");
    let full = cases(Extent::Full);
    assert!(full.len() > 5 * quick.len());
    assert!(full.iter().any(|case| case.shape.classes == 1 << 20));
    for list in [&quick, &full] {
        let contents: HashSet<Content> = list.iter().map(|case| case.content).collect();
        assert_eq!(contents.len(), Content::ALL.len());
        assert!(list.iter().all(|case| case.shape.rows * case.shape.classes <= 4_000_000));
        assert!(list.iter().any(|case| matches!(case.fault, Some(Fault::Target { .. }))));
        let texts: HashSet<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), list.len(), "two cases with one text");
    }
}

/// A case is reproduced from its fields alone.
#[test]
fn cases_are_the_same_every_time() {
    assert_eq!(cases(Extent::Quick), cases(Extent::Quick));
    let case = &cases(Extent::Quick)[1];
    let (one, other) = (case.data(), case.data());
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&one.logits), bits(&other.logits));
    assert_eq!(one.targets, other.targets);
    assert_eq!(one.factors, other.factors);
}
