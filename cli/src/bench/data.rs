//! What is timed, and the answers it must give.

use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Element, Engine, Logits, OwnedValues, Reduction, RowOutputs,
    Shape, Targets, Upstream, cpu,
};

use crate::failure::{Failure, Result};

/// Logits and targets of one shape, the same in every run.
#[derive(Clone)]
pub struct Problem {
    /// Their shape and type, without gaps.
    pub shape: Shape,
    /// Logits between -8 and 8.
    pub logits: OwnedValues,
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

/// Rows compared with the oracle, and about how many of their logits.
const CHECKED: usize = 64;
const CHECKED_LOGITS: usize = 1 << 22;

impl Problem {
    /// Of one shape and type.
    pub fn new(shape: Shape) -> Self {
        let shape = shape.contiguous();
        let mut draws = Draws::new();
        let count = shape.rows * shape.classes;
        let logits = (0..count).map(|_| draws.uniform(-8.0, 8.0)).collect();
        let targets = (0..shape.rows).map(|_| (draws.next() % shape.classes as u64) as i32);
        Self {
            shape,
            targets: targets.collect(),
            logits: OwnedValues::from_f32(logits, shape.element),
        }
    }

    /// Bytes of the logits: the least that a forward pass moves.
    pub fn bytes(&self) -> u64 {
        self.logits.values().bytes().len() as u64
    }

    /// Values shaped as the logits.
    pub fn view<'a>(&self, values: &'a OwnedValues) -> Result<Logits<'a>> {
        Ok(Logits::from_values(values.values(), self.shape)?)
    }

    /// Rows spread over the matrix, the first and the last among them.
    pub fn checked_rows(&self) -> Vec<usize> {
        let Shape { rows, classes, .. } = self.shape;
        let count = CHECKED.min((CHECKED_LOGITS / classes.max(1)).max(2)).min(rows);
        (0..count).map(|index| index * (rows - 1) / (count - 1).max(1)).collect()
    }

    /// The oracle's answers for the rows that are checked, gradient of the sum included.
    pub fn answers(&self) -> Result<Answers> {
        let rows = self.checked_rows();
        let of_all = self.view(&self.logits)?;
        let logits: Vec<f32> = rows.iter().flat_map(|row| of_all.row(*row)).collect();
        let targets: Vec<i32> = rows.iter().map(|row| self.targets[*row]).collect();
        let options = CrossEntropy {
            reduction: Reduction::Sum,
            rows: RowOutputs { loss: true, log_sum_exp: true, ..Default::default() },
            ..Default::default()
        };
        let classes = self.shape.classes;
        let mut output = cpu::Oracle.cross_entropy_with_gradient(
            Logits::new(&logits, rows.len(), classes)?,
            Targets::classes(&targets),
            Upstream::default(),
            &options,
        )?;
        let gradient = output.gradient.take().map_or_else(Vec::new, OwnedValues::into_f32);
        Ok(Answers { rows, classes, output, gradient })
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

    /// Compares the gradient of the sum, shaped as the problem's logits.
    pub fn check_gradient(&self, what: &str, gradient: Logits<'_>) -> Result<()> {
        let expected = self.gradient.chunks_exact(self.classes.max(1));
        for (row, expected) in self.rows.iter().zip(expected) {
            let found = gradient.row(*row);
            for (class, expected) in expected.iter().enumerate() {
                let found = found.get(class).copied().unwrap_or(f32::NAN);
                // Relative too: among a million classes, a gradient of zeros is close absolutely.
                let tolerance = (1e-9 + 1e-4 * expected.abs()).min(4e-6)
                    + rounding(gradient.element(), *expected);
                close(|| format!("{what}, row {row}, class {class}"), found, *expected, tolerance)?;
            }
        }
        Ok(())
    }
}

/// About a unit in the last place of a value as it is stored, where that is coarse.
pub fn rounding(element: Element, value: f32) -> f32 {
    match element {
        Element::F32 => 0.0,
        Element::F16 => value.abs() / 1024.0 + 2f32.powi(-24),
        Element::Bf16 => value.abs() / 128.0,
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
        let checked = |rows, classes| Problem::new(Shape::new(rows, classes)).checked_rows();
        assert_eq!(checked(1, 3), [0]);
        assert_eq!(checked(3, 3), [0, 1, 2]);
        let many = checked(1000, 1);
        assert_eq!((many.len(), many[0], many[63]), (64, 0, 999));
    }

    #[test]
    fn a_nan_is_never_close() {
        assert!(close(String::new, f32::NAN, 1.0, 1.0).is_err());
        assert!(close(String::new, 1.0, 1.0, 0.0).is_ok());
    }

    #[test]
    fn a_wrong_gradient_is_found_in_every_layout_and_type() -> Result<()> {
        for shape in [Shape::new(6, 5), Shape::with_class_axis(2, 5, 3)] {
            for element in Element::ALL {
                let problem = Problem::new(shape.with_element(element));
                let answers = problem.answers()?;
                let options = CrossEntropy { reduction: Reduction::Sum, ..Default::default() };
                let out = cpu::Fast.cross_entropy_with_gradient(
                    problem.view(&problem.logits)?,
                    Targets::classes(&problem.targets),
                    Upstream::default(),
                    &options,
                )?;
                let mut gradient = out.gradient.map_or_else(Vec::new, OwnedValues::into_f32);
                let right = OwnedValues::from_f32(gradient.clone(), element);
                answers.check_gradient("", problem.view(&right)?)?;
                // The last row's last class.
                if let Some(last) = gradient.last_mut() {
                    *last += 0.02;
                }
                let wrong = OwnedValues::from_f32(gradient, element);
                assert!(answers.check_gradient("", problem.view(&wrong)?).is_err(), "{shape:?}");
            }
        }
        Ok(())
    }
}
