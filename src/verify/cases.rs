//! The list of cases, and how one is put to an engine.

use std::fmt;

use super::Extent;
use super::compare::Comparison;
use super::data::{Content, Factor, SplitMix64, Targets};
use crate::{
    CrossEntropy, CrossEntropyOutput, Engine, Error, LogSumExp, LogSumExpOutput, Logits, Reduction,
    Result, RowOutputs, Shape, Upstream, cpu,
};

/// The operation a case is about, with what only that operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`Engine::log_sum_exp`].
    LogSumExp,
    /// [`Engine::cross_entropy`].
    CrossEntropy {
        /// How the rows' losses are reduced.
        reduction: Reduction,
        /// Which class each row is compared with.
        targets: Targets,
        /// Which values of each row are asked for.
        rows: RowOutputs,
    },
}

/// What is wrong with the call, which the engine has to refuse as the oracle does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The target of this row, and of the last row, is this: neither a class nor the ignore index.
    Target {
        /// The row that has to be named.
        row: usize,
        /// Its target.
        value: i32,
    },
    /// One target less than there are rows.
    MissingTarget,
    /// One upstream factor more than there are rows.
    SpareFactor,
}

/// One call, compared with the oracle. Its text, which [`Display`](fmt::Display) gives, and its
/// fields are enough to repeat it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Case {
    /// What is called.
    pub operation: Operation,
    /// Shape of the logits; NaN stands in the gaps between the rows.
    pub shape: Shape,
    /// What the rows hold.
    pub content: Content,
    /// The upstream gradient, if a gradient is asked for.
    pub upstream: Factor,
    /// What is wrong with the call, if anything is.
    pub fault: Option<Fault>,
    /// Start of the generator of logits, targets and factors.
    pub seed: u64,
}

/// What a case is called with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CaseData {
    /// All elements from the first row's first to the last row's last.
    pub logits: Vec<f32>,
    /// A target for each row; for log-sum-exp the class the row's content is arranged around.
    pub targets: Vec<i32>,
    /// The upstream factor of each row, under [`Factor::PerRow`].
    pub factors: Vec<f32>,
}

/// How far an engine's results of one case are from the oracle's.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CaseResult {
    /// The largest relative error of a loss, log-sum-exp or gradient.
    pub worst_relative_error: f64,
    /// What differs, if it is more than the tolerance.
    pub failure: Option<String>,
    /// What the engine returned instead of results.
    pub error: Option<Error>,
}

impl CaseResult {
    /// Whether the results are the oracle's within the tolerance.
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { rows, classes, row_stride } = self.shape;
        match self.operation {
            Operation::LogSumExp => write!(f, "log-sum-exp")?,
            Operation::CrossEntropy { reduction, targets, .. } => {
                write!(f, "cross-entropy {reduction:?} targets {targets:?}")?;
            }
        }
        write!(f, ", {rows} x {classes} (stride {row_stride}) {}", self.content)?;
        match self.upstream {
            Factor::None => write!(f, ", no gradient")?,
            factor => write!(f, ", upstream {factor:?}")?,
        }
        if let Some(fault) = self.fault {
            write!(f, ", fault {fault:?}")?;
        }
        write!(f, ", seed {:#x}", self.seed)
    }
}

impl Case {
    /// The logits, targets and factors: the same for the same case, on every machine.
    pub fn data(&self) -> CaseData {
        let Shape { rows, classes, row_stride } = self.shape;
        let mut random = SplitMix64(self.seed);
        let extent = self.shape.extent().unwrap_or(0);
        let mut logits = vec![f32::NAN; extent];
        let kind = match self.operation {
            Operation::LogSumExp => Targets::Random,
            Operation::CrossEntropy { targets, .. } => targets,
        };
        let mut targets = Vec::with_capacity(rows);
        for row in 0..rows {
            let (target, class) = kind.of_row(&mut random, classes);
            targets.push(target);
            let start = row * row_stride;
            self.content.fill(&mut random, &mut logits[start..start + classes], class);
        }
        let mut factors = self.upstream.values(&mut random, rows);
        match self.fault {
            Some(Fault::Target { row, value }) => {
                for row in [row, rows.saturating_sub(1)] {
                    if let Some(target) = targets.get_mut(row) {
                        *target = value;
                    }
                }
            }
            Some(Fault::MissingTarget) => drop(targets.pop()),
            Some(Fault::SpareFactor) => factors.push(1.0),
            None => {}
        }
        CaseData { logits, targets, factors }
    }

    /// Puts the case to the engine and compares what it returns with the oracle.
    pub fn check(&self, engine: &dyn Engine) -> CaseResult {
        let data = self.data();
        let Shape { rows, classes, row_stride } = self.shape;
        let logits = match Logits::with_row_stride(&data.logits, rows, classes, row_stride) {
            Ok(logits) => logits,
            Err(error) => return CaseResult::refused(error),
        };
        let upstream = match self.upstream {
            Factor::None => None,
            Factor::Scalar(factor) => Some(Upstream::Scalar(factor)),
            Factor::PerRow => Some(Upstream::PerRow(&data.factors)),
        };
        match self.operation {
            Operation::LogSumExp => check_log_sum_exp(engine, logits, upstream),
            Operation::CrossEntropy { reduction, targets, rows } => {
                let options =
                    CrossEntropy { reduction, ignore_index: targets.ignore_index(), rows };
                check_cross_entropy(engine, logits, &data.targets, upstream, &options)
            }
        }
    }
}

/// Puts one call of log-sum-exp to the engine, with a gradient if there is an upstream gradient,
/// and compares what it returns with the oracle.
pub fn check_log_sum_exp(
    engine: &dyn Engine,
    logits: Logits<'_>,
    upstream: Option<Upstream<'_>>,
) -> CaseResult {
    let options = LogSumExp::default();
    let found = match upstream {
        None => engine.log_sum_exp(logits, &options),
        Some(upstream) => engine.log_sum_exp_with_gradient(logits, upstream, &options),
    };
    let expected = cpu::Oracle.log_sum_exp_f64(logits, upstream);
    let factor = |row| upstream.unwrap_or_default().of_row(row);
    compared(found, expected, |comparison, found: &LogSumExpOutput, expected| {
        comparison.log_sum_exp(logits, &factor, found, expected);
    })
}

/// The same for cross-entropy.
pub fn check_cross_entropy(
    engine: &dyn Engine,
    logits: Logits<'_>,
    targets: &[i32],
    upstream: Option<Upstream<'_>>,
    options: &CrossEntropy,
) -> CaseResult {
    let found = match upstream {
        None => engine.cross_entropy(logits, targets, options),
        Some(upstream) => engine.cross_entropy_with_gradient(logits, targets, upstream, options),
    };
    let expected = cpu::Oracle.cross_entropy_f64(logits, targets, upstream, options);
    let counts = |row: usize| Some(targets[row]) != options.ignore_index;
    compared(found, expected, |comparison, found: &CrossEntropyOutput, expected| {
        let divisor = match options.reduction {
            Reduction::None | Reduction::Sum => 1.0,
            Reduction::Mean => expected.denominator,
        };
        let upstream = upstream.unwrap_or_default();
        let factor = |row| f64::from(upstream.of_row(row)) / divisor;
        comparison.cross_entropy(logits, options, &factor, &counts, found, expected);
    })
}

impl CaseResult {
    fn refused(error: Error) -> Self {
        let failure = Some(format!("refused: {error}"));
        Self { failure, error: Some(error), ..Self::default() }
    }
}

/// Where the oracle refuses the call, so must the engine, in the same words.
fn compared<T, U>(
    found: Result<T>,
    expected: Result<U>,
    compare: impl FnOnce(&mut Comparison, &T, &U),
) -> CaseResult {
    match (found, expected) {
        (Ok(found), Ok(expected)) => {
            let mut comparison = Comparison::default();
            compare(&mut comparison, &found, &expected);
            CaseResult {
                worst_relative_error: comparison.worst,
                failure: comparison.failure,
                error: None,
            }
        }
        (Err(found), Ok(_)) => CaseResult::refused(found),
        (Ok(_), Err(expected)) => CaseResult {
            failure: Some(format!("not refused, expected: {expected}")),
            ..CaseResult::default()
        },
        (Err(found), Err(expected)) if found == expected => CaseResult::default(),
        (Err(found), Err(expected)) => CaseResult {
            failure: Some(format!("refused: {found}; expected: {expected}")),
            error: Some(found),
            ..CaseResult::default()
        },
    }
}

/// Numbers of classes around every boundary of the kernels: vectors, subgroups, workgroups, the
/// longest row each family holds; and vocabularies.
const CLASSES: [usize; 51] = [
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    15,
    16,
    17,
    31,
    32,
    33,
    63,
    64,
    65,
    100,
    127,
    128,
    129,
    255,
    256,
    257,
    511,
    512,
    513,
    1000,
    1023,
    1024,
    1025,
    2047,
    2048,
    2049,
    4095,
    4096,
    4097,
    8191,
    8192,
    8193,
    16383,
    16384,
    16385,
    32000,
    32767,
    32768,
    32769,
    50257,
    65536,
    128_256,
    1 << 20,
];

/// The longest row that [`Extent::Quick`] meets.
const QUICK_CLASSES: usize = 50257;

/// Numbers of rows around every boundary; 65535 is the most workgroups a dimension of a dispatch
/// may have.
const ROWS: [usize; 20] =
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 255, 257, 1025, 65535, 65537];

const REDUCTIONS: [Reduction; 3] = [Reduction::None, Reduction::Sum, Reduction::Mean];

const TARGETS: [Targets; 4] =
    [Targets::Random, Targets::SomeIgnored, Targets::FirstClassIgnored, Targets::AllIgnored];

const ALL_OUTPUTS: RowOutputs = RowOutputs { loss: true, log_sum_exp: true, argmax: true };

/// Collects cases; what a case leaves open is drawn from a generator, the same on every call.
struct List {
    cases: Vec<Case>,
    random: SplitMix64,
}

impl List {
    fn push(&mut self, operation: Operation, shape: Shape, content: Content, upstream: Factor) {
        let seed = self.random.next();
        self.cases.push(Case { operation, shape, content, upstream, fault: None, seed });
    }

    /// Contiguous, or with a gap that does or does not keep rows on 16 bytes.
    fn stride(&mut self, rows: usize, classes: usize) -> Shape {
        let gap = [0, 0, 1, 3, 4, 64][self.random.below(6)];
        Shape::new(rows, classes).with_row_stride(classes + gap)
    }

    fn cross_entropy(&mut self) -> Operation {
        // Ordinary targets most of the time.
        let targets = TARGETS[[0, 0, 0, 1, 1, 1, 2, 3][self.random.below(8)]];
        Operation::CrossEntropy {
            reduction: REDUCTIONS[self.random.below(3)],
            targets,
            rows: ALL_OUTPUTS,
        }
    }

    /// A gradient most of the time, and an upstream gradient that is not 1 even more often.
    fn factor(&mut self, operation: Operation) -> Factor {
        let reduced = matches!(
            operation,
            Operation::CrossEntropy { reduction: Reduction::Sum | Reduction::Mean, .. }
        );
        match self.random.below(6) {
            0 => Factor::None,
            1 => Factor::Scalar(1.0),
            2 => Factor::Scalar(0.37),
            3 => Factor::Scalar(-2.5),
            _ if reduced => Factor::Scalar(1024.5),
            _ => Factor::PerRow,
        }
    }

    /// Both operations on one shape and content, everything else drawn.
    fn both(&mut self, rows: usize, classes: usize, content: Content) {
        for operation in [Operation::LogSumExp, self.cross_entropy()] {
            let shape = self.stride(rows, classes);
            let upstream = self.factor(operation);
            self.push(operation, shape, content, upstream);
        }
    }

    fn fault(&mut self, rows: usize, reduction: Reduction, upstream: Factor, fault: Fault) {
        let operation =
            Operation::CrossEntropy { reduction, targets: Targets::SomeIgnored, rows: ALL_OUTPUTS };
        self.push(operation, Shape::new(rows, 10), Content::Normal, upstream);
        if let Some(case) = self.cases.last_mut() {
            case.fault = Some(fault);
        }
    }
}

/// How many rows of so many classes make a case of a few ten thousand elements.
fn rows_for(classes: usize) -> usize {
    (32768 / classes).clamp(2, 37)
}

/// The cases of [`verify`](super::verify), in the same order on every call.
pub fn cases(extent: Extent) -> Vec<Case> {
    let full = extent == Extent::Full;
    let mut list = List { cases: Vec::new(), random: SplitMix64(30) };

    // Every length of a row; the contents take turns, or each meets each length.
    let mut turn = 0;
    for &classes in CLASSES.iter().filter(|&&classes| full || classes <= QUICK_CLASSES) {
        if full {
            for content in Content::ALL {
                list.both(rows_for(classes), classes, content);
            }
        } else {
            let content = Content::ALL[turn % Content::ALL.len()];
            let operation = if turn % 3 == 0 { Operation::LogSumExp } else { list.cross_entropy() };
            let shape = list.stride(rows_for(classes), classes);
            let upstream = list.factor(operation);
            list.push(operation, shape, content, upstream);
            // Ordinary numbers show that every class takes part.
            let all = Operation::CrossEntropy {
                reduction: REDUCTIONS[turn % 3],
                targets: Targets::Random,
                rows: ALL_OUTPUTS,
            };
            list.push(all, Shape::new(2, classes), Content::Normal, Factor::Scalar(0.37));
            turn += 1;
        }
    }

    // Every content, in rows that fit a lane, a subgroup, a workgroup.
    let lengths: &[usize] = if full { &[1, 2, 6, 37, 300, 1500, 9000] } else { &[6, 300] };
    for &classes in lengths {
        for content in Content::ALL {
            list.both(11, classes, content);
        }
    }

    // Every number of rows.
    for &rows in &ROWS {
        let short: &[usize] = if full { &[1, 2, 3, 10, 17] } else { &[1, 10] };
        for &classes in short {
            if !full && rows > 2000 && classes > 1 {
                continue; // the next loop has these
            }
            list.both(rows, classes, Content::Normal);
        }
    }
    if !full {
        for rows in [65535, 65537] {
            let operation = list.cross_entropy();
            list.push(operation, Shape::new(rows, 3), Content::Normal, Factor::Scalar(-2.5));
        }
    }

    // Every combination of options.
    for reduction in REDUCTIONS {
        for targets in TARGETS {
            let factors: &[Factor] = match reduction {
                Reduction::None => &[Factor::None, Factor::Scalar(-2.5), Factor::PerRow],
                _ => &[Factor::None, Factor::Scalar(0.37)],
            };
            for &upstream in factors {
                for rows in [ALL_OUTPUTS, RowOutputs::default()] {
                    let operation = Operation::CrossEntropy { reduction, targets, rows };
                    list.push(operation, Shape::new(19, 33), Content::Normal, upstream);
                }
            }
        }
    }
    for reduction in REDUCTIONS {
        let operation =
            Operation::CrossEntropy { reduction, targets: Targets::Random, rows: ALL_OUTPUTS };
        list.push(operation, Shape::new(0, 7), Content::Normal, Factor::Scalar(0.37));
    }

    // No classes: -inf from log-sum-exp, an error from cross-entropy.
    for upstream in [Factor::None, Factor::Scalar(0.37)] {
        let operation = list.cross_entropy();
        list.push(Operation::LogSumExp, Shape::new(3, 0), Content::Normal, upstream);
        list.push(operation, Shape::new(3, 0), Content::Normal, upstream);
    }

    // What has to be refused.
    for (row, value) in [(0, 10), (3, -1), (700, i32::MAX), (998, i32::MIN), (999, 11)] {
        for upstream in [Factor::None, Factor::Scalar(1.0)] {
            list.fault(1000, Reduction::Mean, upstream, Fault::Target { row, value });
        }
    }
    list.fault(5, Reduction::Mean, Factor::None, Fault::MissingTarget);
    list.fault(5, Reduction::None, Factor::PerRow, Fault::SpareFactor);
    let reduced = Operation::CrossEntropy {
        reduction: Reduction::Sum,
        targets: Targets::Random,
        rows: ALL_OUTPUTS,
    };
    list.push(reduced, Shape::new(5, 10), Content::Normal, Factor::PerRow);

    list.cases
}
