//! What is timed, and the answers it must give.

use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Logits, OwnedValues, Reduction, RowOutputs, Targets,
    Upstream, cpu,
};

use crate::failure::{Failure, Result};

/// Logits and targets of one shape, the same in every run.
pub struct Problem {
    /// Number of rows.
    pub rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// Row-major logits between -8 and 8.
    pub logits: Vec<f32>,
    /// A class for each row.
    pub targets: Vec<i32>,
}

/// Numbers without a pattern, the same in every run.
pub struct Draws(u64);

impl Draws {
    /// From the start.
    pub fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// 24 bits.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 40
    }

    /// Between two numbers.
    pub fn uniform(&mut self, least: f32, most: f32) -> f32 {
        self.next() as f32 * ((most - least) / (1 << 24) as f32) + least
    }
}

/// Rows compared with the oracle.
const CHECKED: usize = 64;

impl Problem {
    /// Of one shape.
    pub fn new(rows: usize, classes: usize) -> Self {
        let mut draws = Draws::new();
        let logits = (0..rows * classes).map(|_| draws.uniform(-8.0, 8.0)).collect();
        let targets = (0..rows).map(|_| (draws.next() % classes as u64) as i32).collect();
        Self { rows, classes, logits, targets }
    }

    /// Bytes of the logits: the least that a forward pass moves.
    pub fn bytes(&self) -> u64 {
        (self.logits.len() * size_of::<f32>()) as u64
    }

    /// Rows spread over the matrix, the first and the last among them.
    pub fn checked_rows(&self) -> Vec<usize> {
        let count = CHECKED.min(self.rows);
        (0..count).map(|index| index * (self.rows - 1) / (count - 1).max(1)).collect()
    }

    /// One row's logits.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.logits[row * self.classes..(row + 1) * self.classes]
    }

    /// The oracle's answers for the rows that are checked, gradient of the sum included.
    pub fn answers(&self) -> Result<Answers> {
        let rows = self.checked_rows();
        let logits: Vec<f32> = rows.iter().flat_map(|row| self.row(*row)).copied().collect();
        let targets: Vec<i32> = rows.iter().map(|row| self.targets[*row]).collect();
        let options = CrossEntropy {
            reduction: Reduction::Sum,
            rows: RowOutputs { loss: true, log_sum_exp: true, ..Default::default() },
            ..Default::default()
        };
        let mut output = cpu::Oracle.cross_entropy_with_gradient(
            Logits::new(&logits, rows.len(), self.classes)?,
            Targets::classes(&targets),
            Upstream::default(),
            &options,
        )?;
        let gradient = output.gradient.take().map_or_else(Vec::new, OwnedValues::into_f32);
        Ok(Answers { rows, classes: self.classes, output, gradient })
    }
}

/// What the oracle says of some rows.
pub struct Answers {
    rows: Vec<usize>,
    classes: usize,
    output: CrossEntropyOutput,
    gradient: Vec<f32>,
}

impl Answers {
    /// Compares the log-sum-exp of every row of the problem.
    pub fn check_log_sum_exp(&self, what: &str, found: &[f32]) -> Result<()> {
        self.check_values(what, found, self.output.log_sum_exp.as_deref())
    }

    /// Compares the loss of every row of the problem.
    pub fn check_loss(&self, what: &str, found: &[f32]) -> Result<()> {
        self.check_values(what, found, self.output.loss_rows.as_deref())
    }

    fn check_values(&self, what: &str, found: &[f32], expected: Option<&[f32]>) -> Result<()> {
        for (row, expected) in self.rows.iter().zip(expected.unwrap_or(&[])) {
            let found = found.get(*row).copied().unwrap_or(f32::NAN);
            let tolerance = 4e-6 * expected.abs().max(1e-3);
            close(|| format!("{what}, row {row}"), found, *expected, tolerance)?;
        }
        Ok(())
    }

    /// Compares the gradient of the sum; `row_of` reads one row of what was computed.
    pub fn check_gradient<'a>(
        &self,
        what: &str,
        row_of: impl Fn(usize) -> &'a [f32],
    ) -> Result<()> {
        let expected = self.gradient.chunks_exact(self.classes);
        for (row, expected) in self.rows.iter().zip(expected) {
            let found = row_of(*row);
            for (class, expected) in expected.iter().enumerate() {
                let found = found.get(class).copied().unwrap_or(f32::NAN);
                // Relative too: among a million classes, a gradient of zeros is close absolutely.
                let tolerance = (1e-9 + 1e-4 * expected.abs()).min(4e-6);
                close(|| format!("{what}, row {row}, class {class}"), found, *expected, tolerance)?;
            }
        }
        Ok(())
    }
}

/// Refuses a number that differs from the oracle's by more.
pub fn close(place: impl Fn() -> String, found: f32, expected: f32, tolerance: f32) -> Result<()> {
    // A NaN is close to nothing.
    if (found - expected).abs() <= tolerance {
        return Ok(());
    }
    Err(Failure::WrongAnswer(format!("{}: {found}, the oracle has {expected}", place())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_row_are_checked() {
        assert_eq!(Problem::new(1, 3).checked_rows(), [0]);
        assert_eq!(Problem::new(3, 3).checked_rows(), [0, 1, 2]);
        let many = Problem::new(1000, 1).checked_rows();
        assert_eq!((many.len(), many[0], many[63]), (64, 0, 999));
    }

    #[test]
    fn a_nan_is_never_close() {
        assert!(close(String::new, f32::NAN, 1.0, 1.0).is_err());
        assert!(close(String::new, 1.0, 1.0, 0.0).is_ok());
    }
}
