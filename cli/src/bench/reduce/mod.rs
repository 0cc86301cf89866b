//! Weighted reductions: of everything, of each row and of each column, against a read of as many
//! bytes.

mod data;
mod device;

use wgpu_loss::{Axis, Engine, Gpu, Kernels, Reduce, ReduceOutput, Shape, Statistic, cpu};

use super::device::Prepared;
use super::timed::Timed;
use crate::failure::Result;
use data::{Answers, Problem};
use device::Resident;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReduceOp {
    /// The sum of all values.
    Sum,
    /// Their mean, a weight for each.
    WeightedMean,
    /// The sum of each row.
    RowSums,
    /// The sum of each column.
    ColumnSums,
}

impl ReduceOp {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sum, Self::WeightedMean, Self::RowSums, Self::ColumnSums];

    fn options(self) -> Reduce {
        match self {
            Self::Sum => Reduce::new(Statistic::Sum, Axis::All),
            Self::WeightedMean => Reduce::new(Statistic::Mean, Axis::All),
            Self::RowSums => Reduce::new(Statistic::Sum, Axis::EachRow),
            Self::ColumnSums => Reduce::new(Statistic::Sum, Axis::EachColumn),
        }
    }

    fn is_weighted(self) -> bool {
        self == Self::WeightedMean
    }
}

impl Timed for ReduceOp {
    type Problem = Problem;
    type Answers = Answers;
    type Output = ReduceOutput;

    fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum of all",
            Self::WeightedMean => "weighted mean of all",
            Self::RowSums => "sum of each row",
            Self::ColumnSums => "sum of each column",
        }
    }

    fn short_name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::WeightedMean => "weighted mean",
            Self::RowSums => "row sums",
            Self::ColumnSums => "column sums",
        }
    }

    fn operands(self) -> u64 {
        if self.is_weighted() { 2 } else { 1 }
    }

    fn has_gradient(self) -> bool {
        false
    }

    fn problem(self, shape: Shape) -> Problem {
        Problem::new(shape)
    }

    fn bytes(problem: &Problem) -> u64 {
        problem.bytes()
    }

    fn answers(self, problem: &Problem) -> Result<Answers> {
        problem.answers(self)
    }

    fn prepare(
        self,
        (gpu, kernels): (&Gpu, &Kernels),
        problem: &Problem,
        answers: &Answers,
        copies: u64,
    ) -> Result<Prepared> {
        Resident::new(gpu, problem, self, copies)?.prepare(kernels, self, answers)
    }

    fn run(self, problem: &Problem) -> wgpu_loss::Result<ReduceOutput> {
        let (values, weights) = problem.operands(self)?;
        cpu::Fast.reduce(values, weights, &self.options())
    }

    fn check(self, what: &str, found: ReduceOutput, _: &Problem, answers: &Answers) -> Result<()> {
        answers.check(what, &found.values)
    }
}
