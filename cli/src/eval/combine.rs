//! Cross-entropy of several files as of one batch: what each is asked for, and what their results
//! are together.

use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Logits, Mode, Reduction, RowOutputs, TargetValues, Targets,
};

use crate::failure::{Failure, Result};

/// How the files' results become those of one batch.
pub struct Combination {
    whole: CrossEntropy,
    /// A single file, which is the batch: the engine reduces it.
    is_single: bool,
    /// What a mean is divided by.
    denominator: f64,
}

impl Combination {
    /// Of a batch that consists of these.
    pub fn new(whole: CrossEntropy, logits: &[Logits<'_>], parts: &[Targets<'_>]) -> Result<Self> {
        let has_class_weights = parts.iter().any(|targets| {
            targets.class_weights.is_some() && matches!(targets.values, TargetValues::Classes(_))
        });
        if parts.len() == 1 {
            return Ok(Self { whole, is_single: true, denominator: f64::NAN });
        }
        // The z-losses are then divided by another number than the losses.
        if whole.z_loss != 0.0 && has_class_weights && whole.reduction == Reduction::Mean {
            return Err(Failure::Usage(
                "several files: the mean with class weights and a z-loss is not that of one batch; \
                 expected --reduction sum or none, or one file"
                    .to_owned(),
            ));
        }
        let size = |each: &Logits<'_>| match whole.reduction {
            Reduction::ElementMean => each.rows() as f64 * each.classes() as f64,
            _ => each.rows() as f64,
        };
        let denominator = match whole.reduction {
            Reduction::BatchMean | Reduction::ElementMean => sum(logits.iter().map(size)),
            Reduction::None | Reduction::Sum | Reduction::Mean => {
                sum(parts.iter().map(|targets| denominator(targets, &whole)))
            }
        };
        Ok(Self { whole, is_single: false, denominator })
    }

    /// What each file is asked for: the losses of its rows, of which the whole is made.
    pub fn of_part(&self) -> CrossEntropy {
        if self.is_single {
            return self.whole;
        }
        let reduces = self.whole.reduction != Reduction::None;
        let rows = RowOutputs {
            loss: true,
            z_loss: self.whole.rows.z_loss || (reduces && self.whole.z_loss != 0.0),
            ..self.whole.rows
        };
        let reduction = if reduces { Reduction::Sum } else { Reduction::None };
        CrossEntropy { reduction, rows, ..self.whole }
    }

    /// What the gradient of each file is multiplied by.
    pub fn upstream(&self, whole: f32) -> f32 {
        match self.whole.reduction {
            _ if self.is_single => whole,
            Reduction::None | Reduction::Sum => whole,
            _ if self.denominator != 0.0 => (f64::from(whole) / self.denominator) as f32,
            // As of one batch over nothing.
            _ if self.whole.mode == Mode::Masked => 0.0,
            _ => f32::NAN,
        }
    }

    /// The results of all files, in their order.
    pub fn finish(&self, parts: Vec<CrossEntropyOutput>) -> CrossEntropyOutput {
        let parts = match <[_; 1]>::try_from(parts) {
            Ok([only]) if self.is_single => return only,
            Ok(only) => only.into(),
            Err(parts) => parts,
        };
        let mut all = CrossEntropyOutput {
            loss: f32::NAN,
            z_loss: 0.0,
            denominator: self.denominator as f32,
            counted: 0,
            correct: None,
            loss_rows: None,
            log_sum_exp: None,
            target_log_probability: None,
            entropy: None,
            argmax: None,
            target_rank: None,
            z_loss_rows: None,
            gradient: None,
        };
        for part in parts {
            all.counted += part.counted;
            all.correct = match (all.correct, part.correct) {
                (Some(before), Some(correct)) => Some(before + correct),
                (before, correct) => before.or(correct),
            };
            append(&mut all.loss_rows, part.loss_rows);
            append(&mut all.log_sum_exp, part.log_sum_exp);
            append(&mut all.target_log_probability, part.target_log_probability);
            append(&mut all.entropy, part.entropy);
            append(&mut all.argmax, part.argmax);
            append(&mut all.target_rank, part.target_rank);
            append(&mut all.z_loss_rows, part.z_loss_rows);
        }
        if self.whole.reduction != Reduction::None {
            all.loss = self.reduced(all.loss_rows.as_deref());
            all.z_loss = match self.whole.z_loss {
                0.0 => 0.0,
                _ => self.reduced(all.z_loss_rows.as_deref()),
            };
            all.loss_rows = all.loss_rows.filter(|_| self.whole.rows.loss);
            all.z_loss_rows = all.z_loss_rows.filter(|_| self.whole.rows.z_loss);
        }
        all
    }

    /// In double precision, rounded once.
    fn reduced(&self, rows: Option<&[f32]>) -> f32 {
        let sum = sum(rows.unwrap_or_default().iter().copied().map(f64::from));
        let value = match self.whole.reduction {
            Reduction::None | Reduction::Sum => sum,
            _ if self.denominator != 0.0 => sum / self.denominator,
            _ if self.whole.mode == Mode::Masked && sum == 0.0 => 0.0,
            _ => f64::NAN,
        };
        value as f32
    }
}

/// From 0 on: nothing sums to 0, where an iterator's own sum is -0.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

fn append<T>(all: &mut Option<Vec<T>>, part: Option<Vec<T>>) {
    if let Some(part) = part {
        all.get_or_insert_default().extend(part);
    }
}

/// The sum of `v_i w_{y_i}` over the counted rows, of `v_i` for probabilities. Targets out of range
/// are for the library to refuse.
fn denominator(targets: &Targets<'_>, options: &CrossEntropy) -> f64 {
    let row_weight = |row: usize| match targets.row_weights {
        Some(weights) => weights.get(row).copied().map_or(0.0, f64::from),
        None => 1.0,
    };
    let product = |a: f64, b: f64| match options.mode {
        Mode::Masked if a == 0.0 || b == 0.0 => 0.0,
        _ => a * b,
    };
    match targets.values {
        TargetValues::Probabilities(probabilities) => {
            sum((0..probabilities.rows()).map(row_weight))
        }
        TargetValues::Classes(indices) => {
            let ignored = options.ignore_index.map(i64::from);
            let classes = (0..indices.len()).map(|row| (row, indices.get(row)));
            let counted = classes.filter(|(_, class)| class.is_some() && *class != ignored);
            let class_weight = |class: Option<i64>| match targets.class_weights {
                Some(weights) => class
                    .and_then(|class| weights.get(usize::try_from(class).ok()?))
                    .copied()
                    .map_or(0.0, f64::from),
                None => 1.0,
            };
            sum(counted.map(|(row, class)| product(row_weight(row), class_weight(class))))
        }
    }
}
