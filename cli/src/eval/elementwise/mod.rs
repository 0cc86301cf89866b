//! `eval` of element-wise losses.

mod report;
mod upstream;

use std::process::ExitCode;

use wgpu_loss::{Elementwise, ElementwiseLoss, ElementwiseReduction, LossFunction, Weights};

use super::common::{Run, pending};
use super::layout::{Layout, Matrix};
use super::reduce::weights::{FileWeights, Purpose};
use super::reduce::{bounded, dimensions};
use super::role::Role;
use super::source::{Named, Source};
use crate::arguments::{AskedLoss, LossOperation};
use crate::eval::upstream::GivenUpstream;
use crate::failure::Result;
use crate::output::Output;
use report::{Report, arrays};
use upstream::LossUpstream;

/// Evaluates and prints.
pub fn run(adapter: Option<&str>, operation: &LossOperation, out: &mut Output) -> Result<ExitCode> {
    let asked = operation.asked();
    let (options, common) = (asked.options, &asked.options.common);
    let source = Source::open(&options.file, "INPUT")?;
    let input = source.main(Role::Input, common)?;
    let layout = &input.layout;
    let files = Files::open(&asked, &source)?;
    let target = match &files.target {
        Some(named) => {
            let operand = named.operand(Role::Target(layout))?;
            Some(operand.matrix_of_numbers(layout.class_axis as i64)?)
        }
        None => None,
    };
    let of_weights = Purpose::Weights;
    let weights =
        FileWeights::read_for(of_weights, files.weights.as_ref(), options.weights_axis, layout)?;
    let (purpose, third_axis) = (third_purpose(&asked), asked.third.and_then(|(_, axis)| axis));
    let third = FileWeights::read_for(purpose, files.third.as_ref(), third_axis, layout)?;
    let results = results(&asked, layout);
    bounded(&results, layout).map_err(|message| source.fail(message))?;
    let request = request(&asked);
    let upstream = LossUpstream::read(&files.upstream, &request, &results, layout)?;

    let (positive_weights, variance) = match asked.function {
        LossFunction::GaussianNll { .. } => (Weights::None, third.library()?),
        _ => (third.library()?, Weights::None),
    };
    let operands = Elementwise {
        input: input.logits()?,
        target: target.as_ref().map(Matrix::logits).transpose()?,
        weights: weights.library()?,
        positive_weights,
        variance,
    };
    let library_upstream = upstream.library()?;
    let pending = pending(common)?;
    let run = Run::new(common, adapter, operands.input, |engine| match options.gradient {
        true => engine.elementwise_loss_with_gradient(&operands, library_upstream, &request),
        false => engine.elementwise_loss(&operands, &request),
    })?;

    if let Some(pending) = pending {
        pending.write(arrays(&run.result, &input, &results))?;
    }
    let read =
        [target.as_ref(), weights.of_elements(), third.of_elements(), upstream.of_elements()];
    let report = Report::new(&asked, &source, &input, (&weights, &third), &results, &run, read);
    if common.json {
        out.json(&report)?;
    } else {
        report.print(out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the third operand is.
fn third_purpose(asked: &AskedLoss<'_>) -> Purpose {
    match asked.function {
        LossFunction::GaussianNll { .. } => Purpose::Variance,
        _ => Purpose::PositiveWeights,
    }
}

/// What the options ask of the library.
pub fn request(asked: &AskedLoss<'_>) -> ElementwiseLoss {
    let options = asked.options;
    ElementwiseLoss {
        function: asked.function,
        reduction: options.reduction.library(),
        axis: options.axis.library(),
        label_smoothing: asked.binary.map_or(0.0, |binary| binary.label_smoothing),
        mode: options.mode.library(),
        threshold: asked.binary.and_then(|binary| binary.threshold),
        gradient_element: options.gradient_element.map(|element| element.library()),
    }
}

/// The dimensions of the results.
fn results(asked: &AskedLoss<'_>, layout: &Layout) -> Vec<usize> {
    match asked.options.reduction.library() {
        ElementwiseReduction::None => layout.dimensions.clone(),
        _ => dimensions(asked.options.axis.library(), layout),
    }
}

/// The arrays beside the input that options name, in FILE or in files of their own.
struct Files<'a> {
    target: Option<Named<'a>>,
    weights: Option<Named<'a>>,
    third: Option<Named<'a>>,
    upstream: GivenUpstream<'a>,
}

impl<'a> Files<'a> {
    /// Finds them.
    fn open(asked: &AskedLoss<'a>, main: &'a Source) -> Result<Self> {
        let options = asked.options;
        let find = |given, what, option| Named::find_any(main, given, what, option);
        let third = third_purpose(asked);
        Ok(Self {
            target: match (asked.target, asked.function.has_target()) {
                (_, false) => None,
                (Some(given), true) => Some(Named::find(main, given, "target", "--target")?),
                (None, true) => {
                    let option = "after it or by --target";
                    Some(Named::beside(main.beside_logits("target", option)?, None))
                }
            },
            weights: find(options.weights.as_deref(), "weights", "--weights")?,
            third: find(asked.third.map(|(given, _)| given), third.name(), third.option())?,
            upstream: GivenUpstream::find(main, &options.upstream)?,
        })
    }
}
