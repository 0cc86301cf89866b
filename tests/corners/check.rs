//! Runs a row of the table on an engine, beside ordinary rows, and compares all that comes of it.

use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Input, Mode, Reduction, RowOutputs, Targets, Upstream,
};

use super::expect::{Is, is_close, is_gradient};
use super::plan::{Extent, Setting, settings};
use super::row::{Argmax, Row, Target};
use super::textbook::{Textbook, textbook};
use super::widen::{Placed, spread};

/// What a row of the batch has to give.
struct Expected<'a> {
    row: &'a Row,
    textbook: Textbook,
    loss: f64,
    z_loss: f64,
    log_sum_exp: f64,
    /// Whether the mean divides by its weight.
    counted: bool,
    weight: f64,
}

impl<'a> Expected<'a> {
    fn new(row: &'a Row, classes: usize, mode: Mode) -> Self {
        let textbook = textbook(row, classes);
        let counted = !row.is_ignored();
        let row_weight = f64::from(row.row_weight);
        let log_sum_exp = row.log_sum_exp.number(textbook.log_sum_exp);
        let z = f64::from(row.options.z_loss);
        let is_masked = mode == Mode::Masked && row_weight == 0.0;
        let z_loss = match z == 0.0 || !counted || is_masked {
            true => 0.0,
            false => row_weight * z * log_sum_exp * log_sum_exp,
        };
        let weight = match row.target {
            Target::Class(class) => row_weight * row.class_weight(class),
            Target::Probabilities(_) => row_weight,
            Target::Ignored | Target::IgnoredClass(_) => 0.0,
        };
        let loss = row.outcome(mode).loss.number(textbook.loss);
        Self { row, textbook, loss, z_loss, log_sum_exp, counted, weight }
    }
}

/// A batch of rows in a setting.
struct Batch<'a> {
    expected: Vec<Expected<'a>>,
    setting: Setting,
    mode: Mode,
    options: CrossEntropy,
    factors: Vec<f32>,
    factor: f32,
}

/// Runs a row in the settings of its turn, and in both modes; gives the number of calls.
///
/// # Errors
/// The first thing that differs.
pub fn check(
    engine: &dyn Engine,
    row: &Row,
    extent: Extent,
    turn: usize,
    ranks: bool,
) -> Result<usize, String> {
    let companion = row.companion();
    let mut calls = 0;
    for setting in settings(row.elements, extent, turn) {
        for mode in [Mode::Strict, Mode::Masked] {
            let mut batch = Batch::new(row, &companion, setting, mode);
            batch.options.rows.target_rank &= ranks;
            let compared = batch.check(engine);
            compared
                .map_err(|problem| format!("{}: {problem} ({mode:?}, {setting:?})", row.name))?;
            calls += 1 + usize::from(setting.without_gradient);
        }
    }
    Ok(calls)
}

impl<'a> Batch<'a> {
    fn new(row: &'a Row, companion: &'a Row, setting: Setting, mode: Mode) -> Self {
        let columns = setting.place.columns(setting.classes);
        let rows = if setting.classes > 1000 {
            vec![companion, row]
        } else {
            vec![companion, row, companion, row]
        };
        let has_logits = row.options.input == Input::Logits;
        let has_classes = !matches!(row.target, Target::Probabilities(_));
        let options = CrossEntropy {
            reduction: setting.reduction,
            ignore_index: match row.target {
                Target::IgnoredClass(class) => Some(columns[class] as i32),
                _ => Some(-100),
            },
            mode,
            rows: RowOutputs {
                loss: true,
                log_sum_exp: has_logits,
                target_log_probability: has_classes,
                entropy: has_logits,
                argmax: has_logits,
                // Without it, correct rows are counted by the argmax.
                target_rank: has_logits && has_classes && setting.reduction == Reduction::None,
                z_loss: true,
            },
            correct: has_logits && has_classes,
            ..row.options
        };
        let factors = (0..rows.len()).map(|index| [0.5, -1.5, 2.0, 0.75][index % 4]).collect();
        let expected = rows.into_iter();
        let expected = expected.map(|row| Expected::new(row, setting.classes, mode)).collect();
        Self { expected, setting, mode, options, factors, factor: -0.75 }
    }

    /// With and without a gradient.
    fn check(&self, engine: &dyn Engine) -> Result<(), String> {
        let Setting { classes, place, layout, element, .. } = self.setting;
        let columns = place.columns(classes);
        let shape = layout.shape(self.expected.len(), classes);
        let rows = || self.expected.iter().map(|expected| expected.row);
        let logits: Vec<_> = rows().map(|row| (row.logits, row.others)).collect();
        let logits = Placed::new(&logits, columns, shape, element);
        let probabilities: Vec<_> = rows()
            .map(|row| match row.target {
                Target::Probabilities(q) => (q, 0.0),
                _ => ([0.0; 3], 0.0),
            })
            .collect();
        let probabilities = Placed::new(&probabilities, columns, shape, element);
        let indices: Vec<i64> = rows()
            .map(|row| match row.target {
                Target::Class(class) | Target::IgnoredClass(class) => columns[class] as i64,
                Target::Ignored | Target::Probabilities(_) => -100,
            })
            .collect();
        let row = self.expected[1].row;
        let class_weights = row.class_weights.map(|three| spread(three, 1.0, columns, classes));
        let row_weights: Vec<_> = rows().map(|row| row.row_weight).collect();
        let targets = match row.target {
            Target::Probabilities(_) => Targets::probabilities(probabilities.view()),
            _ => Targets::classes(&indices),
        };
        let targets = Targets {
            class_weights: class_weights.as_deref(),
            row_weights: (row.row_weight != 1.0).then_some(&row_weights),
            ..targets
        };
        let upstream = match self.options.reduction {
            Reduction::None => Upstream::PerRow(&self.factors),
            _ => Upstream::Scalar(self.factor),
        };
        let view = logits.view();
        if self.setting.without_gradient {
            let out = engine.cross_entropy(view, targets, &self.options);
            let out = out.map_err(|error| error.to_string())?;
            self.check_values(&out).map_err(|problem| format!("without gradient: {problem}"))?;
        }
        let out = engine.cross_entropy_with_gradient(view, targets, upstream, &self.options);
        let out = out.map_err(|error| error.to_string())?;
        self.check_values(&out)?;
        let gradient = out.gradient.ok_or("no gradient")?;
        if gradient.element() != element {
            return Err(format!("a gradient of {:?}", gradient.element()));
        }
        self.check_gradient(&gradient.into_f32(), columns)
    }

    /// Everything but the gradient.
    fn check_values(&self, out: &CrossEntropyOutput) -> Result<(), String> {
        let counted = self.expected.iter().filter(|expected| expected.counted).count();
        if out.counted != counted {
            return Err(format!("counted {} rows, not {counted}", out.counted));
        }
        let denominator = self.denominator();
        close("denominator", out.denominator, denominator)?;
        let (loss, z_loss) = self.reduced();
        close("loss", out.loss, loss)?;
        close("z-loss", out.z_loss, z_loss)?;
        let rows = self.options.rows;
        type Of = fn(&Expected<'_>) -> f64;
        let per_row: [(_, _, _, Of); 5] = [
            ("loss", true, &out.loss_rows, |row| row.loss + row.z_loss),
            ("log-sum-exp", rows.log_sum_exp, &out.log_sum_exp, |row| row.log_sum_exp),
            ("z-loss", rows.z_loss, &out.z_loss_rows, |row| row.z_loss),
            ("entropy", rows.entropy, &out.entropy, |expected| {
                expected.row.entropy.number(expected.textbook.entropy)
            }),
            (
                "target log-probability",
                rows.target_log_probability,
                &out.target_log_probability,
                |expected| match expected.counted {
                    true => {
                        let is = expected.row.target_log_probability;
                        is.number(expected.textbook.target_log_probability)
                    }
                    false => 0.0,
                },
            ),
        ];
        for (name, is_wanted, found, of) in per_row {
            match found {
                Some(found) if is_wanted => {
                    if found.len() != self.expected.len() {
                        return Err(format!("{} rows' {name}", found.len()));
                    }
                    for (index, (found, expected)) in found.iter().zip(&self.expected).enumerate() {
                        close(&format!("{name} of row {index}"), *found, of(expected))?;
                    }
                }
                None if !is_wanted => {}
                _ => return Err(format!("{name} of rows: {found:?}")),
            }
        }
        self.check_argmax(out)
    }

    fn check_argmax(&self, out: &CrossEntropyOutput) -> Result<(), String> {
        let columns = self.setting.place.columns(self.setting.classes);
        let of_row = |expected: &Expected<'_>| match expected.row.argmax {
            Argmax::Column(column) => columns[column] as u32,
            Argmax::First => 0,
        };
        let argmax: Vec<_> = self.expected.iter().map(of_row).collect();
        let wanted = self.options.rows.argmax.then_some(&argmax);
        if out.argmax.as_ref() != wanted {
            return Err(format!("most likely classes {:?}, expected {wanted:?}", out.argmax));
        }
        if let Some(ranks) = &out.target_rank {
            let is_first = |(expected, argmax): (&Expected<'_>, &u32)| match expected.row.target {
                Target::Class(class) => columns[class] as u32 == *argmax,
                _ => false,
            };
            let first: Vec<_> = self.expected.iter().zip(&argmax).map(is_first).collect();
            let found: Vec<_> = ranks.iter().map(|&rank| rank == 0).collect();
            if found != first || ranks.iter().any(|&rank| rank > self.setting.classes as u32) {
                return Err(format!("target ranks {ranks:?}, first {first:?}"));
            }
        }
        let hits = |(expected, argmax): &(&Expected<'_>, &u32)| match expected.row.target {
            Target::Class(class) => columns[class] as u32 == **argmax,
            _ => false,
        };
        let correct = self.expected.iter().zip(&argmax).filter(hits).count();
        let correct = self.options.correct.then_some(correct);
        match out.correct == correct {
            true => Ok(()),
            false => Err(format!("correct {:?}, expected {correct:?}", out.correct)),
        }
    }

    /// What a mean over all rows, or all logits, divides by.
    fn size(&self) -> Option<f64> {
        let rows = self.expected.len() as f64;
        match self.options.reduction {
            Reduction::BatchMean => Some(rows),
            Reduction::ElementMean => Some(rows * self.setting.classes as f64),
            Reduction::None | Reduction::Sum | Reduction::Mean => None,
        }
    }

    /// What the mean divides the loss by.
    fn denominator(&self) -> f64 {
        if let Some(size) = self.size() {
            return size;
        }
        self.expected.iter().map(|expected| expected.weight).sum()
    }

    /// What the mean divides the z-loss by.
    fn z_denominator(&self) -> f64 {
        if let Some(size) = self.size() {
            return size;
        }
        let counted = self.expected.iter().filter(|expected| expected.counted);
        counted.map(|expected| f64::from(expected.row.row_weight)).sum()
    }

    /// The loss and its z-loss.
    fn reduced(&self) -> (f64, f64) {
        let loss: f64 = self.expected.iter().map(|expected| expected.loss).sum();
        let z_loss: f64 = self.expected.iter().map(|expected| expected.z_loss).sum();
        let without = self.options.z_loss == 0.0;
        match self.options.reduction {
            Reduction::None => (f64::NAN, if without { 0.0 } else { f64::NAN }),
            Reduction::Sum => (loss + z_loss, z_loss),
            Reduction::Mean | Reduction::BatchMean | Reduction::ElementMean => {
                let z_loss = if without { 0.0 } else { z_loss / self.z_denominator() };
                (loss / self.denominator() + z_loss, z_loss)
            }
        }
    }

    fn check_gradient(&self, gradient: &[f32], columns: [usize; 3]) -> Result<(), String> {
        let Setting { classes, layout, element, .. } = self.setting;
        let shape = layout.shape(self.expected.len(), classes).contiguous();
        if Some(gradient.len()) != shape.elements() {
            return Err(format!("a gradient of {} elements", gradient.len()));
        }
        for (index, expected) in self.expected.iter().enumerate() {
            let row = expected.row;
            let (main, z) = match self.options.reduction {
                Reduction::None => (self.factors[index].into(), self.factors[index].into()),
                Reduction::Sum => (self.factor.into(), self.factor.into()),
                Reduction::Mean | Reduction::BatchMean | Reduction::ElementMean => (
                    f64::from(self.factor) / self.denominator(),
                    f64::from(self.factor) / self.z_denominator(),
                ),
            };
            let weights = row.class_weights.into_iter().flatten().map(f64::from);
            let largest_weight = weights.fold(1.0, |largest: f64, w| largest.max(w.abs()));
            let z_slope = match f64::from(row.options.z_loss) {
                0.0 => 0.0,
                z_loss => 2.0 * z_loss.abs() * expected.log_sum_exp.abs(),
            };
            let factor = (main.abs() * largest_weight + z.abs() * z_slope)
                * f64::from(row.row_weight.abs())
                * f64::from(row.options.logit_scale.abs().max(1.0));
            let outcome = row.outcome(self.mode);
            let numbers: [f64; 4] = std::array::from_fn(|class| {
                let (of_main, of_z) = expected.textbook.gradient[class];
                match outcome.gradient[class] {
                    Is::Textbook => main * of_main + z * of_z,
                    is => main * is.number(f64::NAN),
                }
            });
            let start = shape.start_of(index);
            let mut of_class = vec![numbers[3]; classes];
            columns.iter().zip(numbers).for_each(|(&column, number)| of_class[column] = number);
            for (class, expected) in of_class.into_iter().enumerate() {
                let found = gradient[start + class * shape.inner];
                if !is_gradient(found, expected, factor, element) {
                    return Err(format!(
                        "gradient [{index}, {class}] is {found:e}, expected {expected:e}"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn close(what: &str, found: f32, expected: f64) -> Result<(), String> {
    match is_close(found, expected) {
        true => Ok(()),
        false => Err(format!("{what} is {found:e}, expected {expected:e}")),
    }
}
