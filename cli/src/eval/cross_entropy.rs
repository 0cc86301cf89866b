//! `eval cross-entropy`.

use std::process::ExitCode;

use serde::Serialize;
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Element, Input, Reduction, RowOutputs, TargetLayout,
    TargetValues, Targets,
};

use super::combine::Combination;
use super::common::{Common, GradientReport, Run, mode_name};
use super::gradient::{cross_entropy, of_file};
use super::parts::{self, Parts};
use super::role::Role;
use super::rows::Rows;
use super::source::Source;
use super::targets::{FileTargets, TargetFiles};
use super::write::{Destination, Planned};
use crate::arguments::{CrossEntropyOptions, RowOption};
use crate::failure::Result;
use crate::output::{Number, Output};

/// Evaluates and prints.
pub fn run(
    adapter: Option<&str>,
    options: &CrossEntropyOptions,
    out: &mut Output,
) -> Result<ExitCode> {
    let CrossEntropyOptions { file, and, gradient, common, .. } = options;
    let sources = parts::open(file, and)?;
    let batch = Parts::read(&sources, common)?;
    let files = TargetFiles::find(&options.targets, &options.further, &sources)?;
    let read = files.iter().zip(&batch.matrices);
    let read = read.map(|(files, matrix)| FileTargets::read(files, &matrix.layout));
    let file_targets = read.collect::<Result<Vec<_>>>()?;
    let class_weights = file_targets.first().and_then(FileTargets::class_weights);
    let targets = file_targets.iter().map(|targets| targets.library(class_weights));
    let (logits, targets) = (batch.logits()?, targets.collect::<wgpu_loss::Result<Vec<_>>>()?);
    let kind = kind(&sources, &targets)?;
    sources.iter().zip(&targets).for_each(count_clamped);
    let row_weights = targets.iter().any(|targets| targets.row_weights.is_some());
    let gradient_element = gradient.element(batch.element());
    let layout = targets.first().map(Targets::layout).unwrap_or_default();
    let are_log_probabilities = sources.iter().all(|source| source.llama().is_some());
    let request = request(options, &layout, gradient_element, are_log_probabilities);

    let planned_gradient =
        gradient_element.map(|it| Planned::floats("gradient", &batch.layout.dimensions, it));
    let planned = RowValues::planned(&request, &batch.layout.of_rows());
    let mut destination = Destination::new(common.out.as_deref(), planned, planned_gradient)?;
    let combination = Combination::new(request, &logits, &targets)?;
    let (of_part, upstream) = (combination.of_part(), combination.upstream(gradient.upstream));
    let mut memory = destination.gradient();
    let run = Run::over(common, adapter, &logits, |chosen, at| {
        let wanted = gradient_element
            .map(|element| (upstream, element, of_file(&mut memory, &logits, element, at)));
        cross_entropy(chosen, (logits[at], targets[at]), &of_part, wanted)
    })?;
    let run = run.map(|parts| combination.finish(parts));

    let result = &run.result;
    let rows = RowValues::new(result);
    destination.write(rows.arrays(&batch.layout.of_rows()))?;
    let probabilities = targets.iter().filter_map(|targets| match targets.values {
        TargetValues::Probabilities(probabilities) => Some(probabilities.values().bytes().len()),
        TargetValues::Classes(_) => None,
    });
    let least = batch.bytes_of(batch.element())
        + gradient_element.map_or(0, |element| batch.bytes_of(element))
        + probabilities.sum::<usize>();
    let files: Vec<_> = sources.iter().collect();
    let report = Report {
        common: Common::of_files("cross-entropy", &files, &batch.layout, common, &run, least),
        gradient: GradientReport::of(gradient.upstream, gradient_element),
        reduction: options.loss.reduction.name(),
        ignore_index: request.ignore_index,
        options: Options::new(&request),
        targets: kind,
        class_weights: class_weights.is_some(),
        row_weights,
        sums_weights: (class_weights.is_some() || row_weights)
            && options.loss.reduction.sums_weights(),
        results: Results::new(result, &request),
        perplexity: perplexity(result, &request).filter(|_| are_log_probabilities),
        rows: rows.shown(options, &request),
    };
    if common.json {
        out.json(&report)?;
    } else {
        report.print(out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the targets of all files are.
fn kind(sources: &[Source], targets: &[Targets<'_>]) -> Result<&'static str> {
    let kind = |targets: &Targets<'_>| match targets.values {
        TargetValues::Classes(_) => "classes",
        TargetValues::Probabilities(_) => "probabilities",
    };
    let first = targets.first().map_or("classes", kind);
    for (source, targets) in sources.iter().zip(targets) {
        if kind(targets) != first {
            let found = kind(targets);
            return Err(source
                .fail(format!("targets: expected {first} as of the first file, found {found}")));
        }
    }
    Ok(first)
}

/// Counts the targets that llama.cpp may have stored as more likely than they are.
fn count_clamped((source, targets): (&Source, &Targets<'_>)) {
    if let (Some((file, bytes)), TargetValues::Classes(classes)) = (source.llama(), targets.values)
    {
        let class = |row| usize::try_from(classes.get(row)?).ok();
        let is_clamped =
            |row: &usize| class(*row).is_some_and(|class| file.is_clamped(bytes, *row, class));
        let clamped = (0..classes.len()).filter(is_clamped).count();
        source.inputs().clamped_targets(Role::Logits.describe(), clamped);
    }
}

/// Whether an option asks for what log-probabilities lack: without one, those that llama.cpp wrote
/// are taken as they are, which is what it prints the perplexity of, and else as logits.
fn needs_logits(options: &CrossEntropyOptions) -> bool {
    let loss = &options.loss;
    let of_logits =
        |row: &RowOption| !matches!(row, RowOption::Loss | RowOption::TargetLogProbability);
    loss.label_smoothing != 0.0
        || loss.z_loss != 0.0
        || loss.logit_scale != 1.0
        || loss.softcap.is_some()
        || options.gradient.gradient
        || options.correct
        || options.top_k != 1
        || options.rows.iter().any(of_logits)
}

/// What the options ask of the library.
pub fn request(
    options: &CrossEntropyOptions,
    targets: &TargetLayout,
    gradient_element: Option<Element>,
    are_log_probabilities: bool,
) -> CrossEntropy {
    let loss = &options.loss;
    let needs_logits = needs_logits(options) || targets.probabilities.is_some();
    let log_probabilities = loss.log_probabilities || (are_log_probabilities && !needs_logits);
    let has = |row| options.rows.contains(&row);
    let is_usual = options.rows.is_empty();
    // Log-probabilities have no other values of rows.
    let writes = is_usual && options.common.out.is_some();
    let writes_more = writes && !log_probabilities;
    let may_be_correct = !log_probabilities && targets.probabilities.is_none();
    CrossEntropy {
        reduction: loss.reduction.library(),
        ignore_index: loss.ignore_index.0,
        label_smoothing: loss.label_smoothing,
        z_loss: loss.z_loss,
        logit_scale: loss.logit_scale,
        softcap: loss.softcap,
        input: if log_probabilities { Input::LogProbabilities } else { Input::Logits },
        mode: loss.mode.library(),
        rows: RowOutputs {
            loss: writes || has(RowOption::Loss),
            log_sum_exp: writes_more || has(RowOption::LogSumExp),
            target_log_probability: has(RowOption::TargetLogProbability),
            entropy: has(RowOption::Entropy),
            argmax: writes_more || has(RowOption::Argmax),
            target_rank: has(RowOption::TargetRank),
            z_loss: has(RowOption::ZLoss),
        },
        top_k: options.top_k,
        correct: options.correct || (is_usual && may_be_correct),
        gradient_element,
    }
}

/// The options that have their library defaults unless given, in JSON.
#[derive(Serialize)]
struct Options {
    input: &'static str,
    mode: &'static str,
    label_smoothing: Number,
    z_loss: Number,
    logit_scale: Number,
    softcap: Option<Number>,
}

impl Options {
    fn new(request: &CrossEntropy) -> Self {
        Self {
            input: match request.input {
                Input::Logits => "logits",
                Input::LogProbabilities => "log-probabilities",
            },
            mode: mode_name(request.mode),
            label_smoothing: Number::single(request.label_smoothing),
            z_loss: Number::single(request.z_loss),
            logit_scale: Number::single(request.logit_scale),
            softcap: request.softcap.map(Number::single),
        }
    }
}

/// The reduced results.
#[derive(Serialize)]
struct Results {
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    z_loss: Option<Number>,
    denominator: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correct: Option<usize>,
    /// Of a row's classes, where it is not the first alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    counted: usize,
}

impl Results {
    fn new(result: &CrossEntropyOutput, request: &CrossEntropy) -> Self {
        let is_reduced = request.reduction != Reduction::None;
        let has_z_loss = is_reduced && request.z_loss != 0.0;
        let accuracy = |correct| Number(correct as f64 / result.counted as f64);
        Self {
            loss: is_reduced.then(|| Number::single(result.loss)),
            z_loss: has_z_loss.then(|| Number::single(result.z_loss)),
            denominator: Number::single(result.denominator),
            accuracy: result.correct.map(accuracy),
            correct: result.correct,
            top_k: result.correct.and(Some(request.top_k).filter(|&top_k| top_k > 1)),
            counted: result.counted,
        }
    }
}

/// The values of rows, under their names in JSON.
#[derive(Clone, Copy, Serialize)]
struct RowValues<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_rows: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_sum_exp: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_log_probability: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entropy: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    argmax: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_rank: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    z_loss_rows: Option<Rows<'a>>,
}

impl<'a> RowValues<'a> {
    fn new(result: &'a CrossEntropyOutput) -> Self {
        let numbers = |values: &'a Option<Vec<f32>>| values.as_deref().map(Rows::Numbers);
        Self {
            loss_rows: numbers(&result.loss_rows),
            log_sum_exp: numbers(&result.log_sum_exp),
            target_log_probability: numbers(&result.target_log_probability),
            entropy: numbers(&result.entropy),
            argmax: result.argmax.as_deref().map(Rows::Classes),
            target_rank: result.target_rank.as_deref().map(Rows::Ranks),
            z_loss_rows: numbers(&result.z_loss_rows),
        }
    }

    /// Those of such a request, before they are computed.
    fn planned(request: &CrossEntropy, dimensions: &[usize]) -> Vec<Planned> {
        let wanted = &request.rows;
        let floats = |name| Planned::floats(name, dimensions, Element::F32);
        [
            (wanted.loss || request.reduction == Reduction::None, floats("loss")),
            (wanted.log_sum_exp, floats("log_sum_exp")),
            (wanted.target_log_probability, floats("target_log_probability")),
            (wanted.entropy, floats("entropy")),
            (wanted.argmax, Planned::integers("argmax", dimensions)),
            (wanted.target_rank, Planned::integers("target_rank", dimensions)),
            (wanted.z_loss, floats("z_loss")),
        ]
        .into_iter()
        .filter_map(|(is_wanted, planned)| is_wanted.then_some(planned))
        .collect()
    }

    /// Those that are there: names in files, names for people, values.
    fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, Rows<'a>)> {
        [
            ("loss", "loss of the rows", self.loss_rows),
            ("log_sum_exp", "log-sum-exp", self.log_sum_exp),
            ("target_log_probability", "target log-prob.", self.target_log_probability),
            ("entropy", "entropy", self.entropy),
            ("argmax", "argmax", self.argmax),
            ("target_rank", "target rank", self.target_rank),
            ("z_loss", "z-loss of the rows", self.z_loss_rows),
        ]
        .into_iter()
        .filter_map(|(name, words, values)| values.map(|values| (name, words, values)))
    }

    fn arrays(&self, dimensions: &[usize]) -> Vec<super::write::Array<'a>> {
        self.all().map(|(name, _, values)| values.array(name, dimensions)).collect()
    }

    /// Those that are printed: what was asked for, and the losses where they are the result.
    fn shown(self, options: &CrossEntropyOptions, request: &CrossEntropy) -> Self {
        if !options.rows.is_empty() {
            return self;
        }
        let loss_rows = self.loss_rows.filter(|_| request.reduction == Reduction::None);
        Self { loss_rows, log_sum_exp: None, argmax: None, ..self }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(flatten)]
    gradient: GradientReport<'a>,
    reduction: &'static str,
    ignore_index: Option<i32>,
    options: Options,
    targets: &'static str,
    class_weights: bool,
    row_weights: bool,
    /// Whether the denominator is a sum of weights.
    #[serde(skip)]
    sums_weights: bool,
    #[serde(flatten)]
    results: Results,
    #[serde(skip_serializing_if = "Option::is_none")]
    perplexity: Option<Number>,
    #[serde(flatten)]
    rows: RowValues<'a>,
}

/// The exponential of the mean loss, where that is all that the loss is.
fn perplexity(result: &CrossEntropyOutput, request: &CrossEntropy) -> Option<Number> {
    let is_plain = request.reduction == Reduction::Mean
        && request.z_loss == 0.0
        && request.label_smoothing == 0.0;
    is_plain.then(|| Number(f64::from(result.loss).exp()))
}

impl Report<'_> {
    fn print(&self, out: &mut Output) -> Result<()> {
        self.common.print_head(out)?;
        let Results { loss, z_loss, denominator, accuracy, correct, top_k, counted } =
            &self.results;
        if let Some(loss) = loss {
            out.field("loss", format_args!("{} ({})", loss.0, self.reduction))?;
        }
        if let Some(Number(perplexity)) = self.perplexity {
            out.field("perplexity", format_args!("{perplexity:.3}"))?;
        }
        if let Some(z_loss) = z_loss {
            out.field("z-loss", format_args!("{}, part of the loss", z_loss.0))?;
        }
        for (_, words, values) in self.rows.all() {
            values.print(words, out)?;
        }
        if self.sums_weights {
            out.field("sum of weights", denominator.0)?;
        }
        match accuracy {
            Some(_) if *counted == 0 => out.field("accuracy", "-")?,
            Some(accuracy) => match top_k {
                Some(k) => {
                    out.field("accuracy", format_args!("{:.6} (top {k})", accuracy.0))?;
                }
                None => out.field("accuracy", format_args!("{:.6}", accuracy.0))?,
            },
            None => {}
        }
        match correct {
            Some(correct) => {
                out.field("counted rows", format_args!("{counted}, {correct} of them correct"))?;
            }
            None => out.field("counted rows", counted)?,
        }
        self.common.print_tail(out)
    }
}
