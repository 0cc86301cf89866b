//! What the losses are of, and the answers that must come out.

use wgpu_loss::{
    Engine, Logits, OwnedValues, Result as LibraryResult, Shape, SoftmaxAgainst, Targets, cpu,
};

use super::SoftmaxLossOp;
use crate::bench::data::{self, Draws, close, rounding};
use crate::failure::Result;

/// Logits, targets and a teacher's logits of one shape and type, the same in every run.
#[derive(Clone)]
pub struct Problem {
    /// Logits between -8 and 8, and a class for each row.
    student: data::Problem,
    /// Up to 2 from the student's.
    pub teacher: OwnedValues,
}

impl Problem {
    /// Of one shape and type.
    pub fn new(shape: Shape) -> Self {
        let student = data::Problem::new(shape);
        let mut draws = Draws::new();
        let logits = student.logits.clone().into_f32();
        let teacher = logits.into_iter().map(|x| x + draws.uniform(-2.0, 2.0)).collect();
        Self { teacher: OwnedValues::from_f32(teacher, shape.element), student }
    }

    /// Of logits and teacher.
    pub fn shape(&self) -> Shape {
        self.student.shape
    }

    /// The logits.
    pub fn logits(&self) -> &OwnedValues {
        &self.student.logits
    }

    /// A class for each row.
    pub fn targets(&self) -> &[i32] {
        &self.student.targets
    }

    /// Bytes of the logits; the teacher's have as many, and the gradient.
    pub fn bytes(&self) -> u64 {
        self.student.bytes()
    }

    /// Values shaped as the logits.
    pub fn view<'a>(&self, values: &'a OwnedValues) -> Result<Logits<'a>> {
        self.student.view(values)
    }

    /// As the library has them.
    pub fn operands(&self, op: SoftmaxLossOp) -> LibraryResult<(Logits<'_>, SoftmaxAgainst<'_>)> {
        let view = |values| Logits::from_values(values, self.shape());
        let against = match op.has_teacher() {
            true => SoftmaxAgainst::teacher(view(self.teacher.values())?),
            false => SoftmaxAgainst::Targets(Targets::classes(self.targets())),
        };
        Ok((view(self.logits().values())?, against))
    }

    /// The oracle's for the rows that are checked.
    pub fn answers(&self, op: SoftmaxLossOp) -> Result<Answers> {
        let (rows, classes) = (self.student.checked_rows(), self.shape().classes);
        let some = |values| -> Result<Vec<f32>> {
            let all = self.view(values)?;
            Ok(rows.iter().flat_map(|row| all.row(*row)).collect())
        };
        let (logits, teacher) = (some(self.logits())?, some(&self.teacher)?);
        let targets: Vec<i32> = rows.iter().map(|row| self.targets()[*row]).collect();
        let against = match op.has_teacher() {
            true => SoftmaxAgainst::teacher(Logits::new(&teacher, rows.len(), classes)?),
            false => SoftmaxAgainst::Targets(Targets::classes(&targets)),
        };
        let logits = Logits::new(&logits, rows.len(), classes)?;
        let out =
            cpu::Oracle.evaluate_softmax_loss(logits, against, op.upstream(), &op.options())?;
        let gradient = out.gradient.map_or_else(Vec::new, OwnedValues::into_f32);
        Ok(Answers { rows, classes, losses: out.loss_rows.unwrap_or_default(), gradient })
    }
}

/// What the oracle says of some rows.
pub struct Answers {
    rows: Vec<usize>,
    classes: usize,
    losses: Vec<f32>,
    gradient: Vec<f32>,
}

impl Answers {
    /// Compares the losses of all rows of the problem.
    pub fn check_losses(&self, what: &str, found: &[f32]) -> Result<()> {
        for (row, expected) in self.rows.iter().zip(&self.losses) {
            let found = found.get(*row).copied().unwrap_or(f32::NAN);
            let tolerance = 4e-6 * expected.abs() + 1e-12;
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
                // Of the largest factor there is, the temperature of 2; relative too, since among
                // many classes a gradient of zeros is close absolutely.
                let tolerance = (1e-7 + 1e-3 * expected.abs()).min(8e-6)
                    + rounding(gradient.element(), *expected);
                close(|| format!("{what}, row {row}, class {class}"), found, *expected, tolerance)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu_loss::Element;

    #[test]
    fn every_answer_is_checked() -> Result<()> {
        for op in SoftmaxLossOp::ALL {
            for element in Element::ALL {
                let problem = Problem::new(Shape::with_class_axis(2, 7, 3).with_element(element));
                let answers = problem.answers(op)?;
                let (logits, against) = problem.operands(op)?;
                let out = cpu::Fast.evaluate_softmax_loss(
                    logits,
                    against,
                    op.upstream(),
                    &op.options(),
                )?;
                let mut losses = out.loss_rows.unwrap_or_default();
                assert!(losses.iter().all(|loss| *loss > 0.0));
                answers.check_losses("", &losses)?;
                assert!(answers.check_losses("", &losses[1..]).is_err());
                losses[5] *= 1.0001;
                assert!(answers.check_losses("", &losses).is_err());
                let Some(gradient) = out.gradient else {
                    assert!(!op.fused);
                    continue;
                };
                answers.check_gradient("", problem.view(&gradient)?)?;
                let mut wrong = gradient.into_f32();
                if let Some(last) = wrong.last_mut() {
                    *last += 0.02;
                }
                let wrong = OwnedValues::from_f32(wrong, element);
                assert!(answers.check_gradient("", problem.view(&wrong)?).is_err(), "{op:?}");
            }
        }
        Ok(())
    }
}
