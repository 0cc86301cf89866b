//! What `eval` prints and writes of element-wise losses.

use serde::Serialize;
use wgpu_loss::{BinaryCounts, ElementwiseOutput, LossFunction};

use crate::arguments::{AskedLoss, LossReductionOption, UpstreamOption};
use crate::eval::common::{Common, GradientReport, Run, UpstreamReport, like_logits, mode_name};
use crate::eval::layout::Matrix;
use crate::eval::reduce::weights::FileWeights;
use crate::eval::rows::Rows;
use crate::eval::source::Source;
use crate::eval::write::Array;
use crate::failure::Result;
use crate::output::{Number, Output};

/// The results as arrays of a file.
pub fn arrays<'a>(
    result: &'a ElementwiseOutput,
    input: &Matrix<'_>,
    dimensions: &[usize],
) -> Vec<Array<'a>> {
    let denominator = result.denominator.as_deref().map(|it| ("denominator", it));
    let results = [("values", result.values.as_slice())].into_iter().chain(denominator);
    let mut arrays: Vec<_> =
        results.map(|(name, values)| Rows::Numbers(values).array(name, dimensions)).collect();
    let gradients =
        [("gradient", &result.gradient), ("variance_gradient", &result.variance_gradient)];
    for (name, gradient) in gradients {
        arrays.extend(gradient.iter().map(|it| like_logits(name, it, input)));
    }
    arrays
}

/// The options, in JSON; those that the function lacks are left out.
#[derive(Default, Serialize)]
struct Options {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label_smoothing: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpha: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gamma: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_target: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    full: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<Number>,
}

impl Options {
    fn new(asked: &AskedLoss<'_>) -> Self {
        let number = |number| Some(Number::single(number));
        let general = Self {
            mode: mode_name(asked.options.mode.library()),
            label_smoothing: asked.binary.and_then(|binary| number(binary.label_smoothing)),
            threshold: asked.binary.and_then(|binary| binary.threshold).and_then(number),
            ..Self::default()
        };
        match asked.function {
            LossFunction::BinaryCrossEntropyWithLogits => {
                Self { probabilities: Some(false), ..general }
            }
            LossFunction::BinaryCrossEntropy => Self { probabilities: Some(true), ..general },
            LossFunction::SigmoidFocal { alpha, gamma } => {
                Self { alpha: alpha.and_then(number), gamma: number(gamma), ..general }
            }
            LossFunction::KlDivergence { log_target } => {
                Self { log_target: Some(log_target), ..general }
            }
            LossFunction::Huber { delta } => Self { delta: number(delta), ..general },
            LossFunction::PoissonNll { log_input, full, epsilon } => Self {
                rate: Some(!log_input),
                full: Some(full),
                epsilon: number(epsilon),
                ..general
            },
            LossFunction::GaussianNll { full, epsilon } => {
                Self { full: Some(full), epsilon: number(epsilon), ..general }
            }
            _ => general,
        }
    }
}

/// Positives and negatives.
#[derive(Serialize)]
struct Counts {
    true_positives: u64,
    false_positives: u64,
    true_negatives: u64,
    false_negatives: u64,
    accuracy: Number,
    precision: Number,
    recall: Number,
}

impl From<BinaryCounts> for Counts {
    fn from(counts: BinaryCounts) -> Self {
        let BinaryCounts { true_positives, false_positives, true_negatives, false_negatives } =
            counts;
        Self {
            true_positives,
            false_positives,
            true_negatives,
            false_negatives,
            accuracy: Number(counts.accuracy()),
            precision: Number(counts.precision()),
            recall: Number(counts.recall()),
        }
    }
}

impl Counts {
    fn print(&self, out: &mut Output) -> Result<()> {
        let Self { true_positives, false_positives, true_negatives, false_negatives, .. } = self;
        let [all, positives] = [true_positives + false_positives, true_positives + false_negatives];
        out.field("taken for positives", format_args!("{all}, {true_positives} of them rightly"))?;
        let negatives = true_negatives + false_positives;
        out.field("positives", format_args!("{positives}, beside {negatives} negatives"))?;
        let parts =
            [("accuracy", self.accuracy), ("precision", self.precision), ("recall", self.recall)];
        for (name, Number(part)) in parts {
            match part.is_nan() {
                true => out.field(name, "-")?,
                false => out.field(name, format_args!("{part:.6}"))?,
            }
        }
        Ok(())
    }
}

/// What is printed.
#[derive(Serialize)]
pub struct Report<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(flatten)]
    gradient: GradientReport<'a>,
    variance_gradient: bool,
    reduction: &'static str,
    axis: &'static str,
    weights: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    positive_weights: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variance: Option<&'static str>,
    result_shape: &'a [usize],
    options: Options,
    values: Rows<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denominator: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    #[serde(skip)]
    is_unreduced: bool,
}

impl<'a> Report<'a> {
    /// Of a call; `read`: what has a value for each element, beside the input.
    pub fn new(
        asked: &AskedLoss<'a>,
        source: &'a Source,
        input: &'a Matrix<'_>,
        (weights, third): (&FileWeights<'_>, &FileWeights<'_>),
        dimensions: &'a [usize],
        run: &'a Run<ElementwiseOutput>,
        read: [Option<&Matrix<'_>>; 4],
    ) -> Self {
        let (options, result) = (asked.options, &run.result);
        let written = [&result.gradient, &result.variance_gradient];
        let others: Vec<_> = (read.iter().map(|it| it.map(|matrix| matrix.floats.values())))
            .chain(written.map(|gradient| gradient.as_ref().map(|it| it.values())))
            .collect();
        let upstream = match &options.upstream {
            UpstreamOption::Number(factor) => UpstreamReport::from(*factor),
            UpstreamOption::Named(name) => UpstreamReport::Named(name),
        };
        let has_variance = matches!(asked.function, LossFunction::GaussianNll { .. });
        let has_positive_weights =
            matches!(asked.function, LossFunction::BinaryCrossEntropyWithLogits);
        let is_unreduced = options.reduction == LossReductionOption::None;
        Self {
            common: Common::new(asked.name, source, input, &options.common, run, &others),
            gradient: GradientReport::new(upstream, result.gradient.as_ref()),
            variance_gradient: result.variance_gradient.is_some(),
            reduction: options.reduction.name(),
            axis: if is_unreduced { "none" } else { options.axis.name() },
            weights: weights.layout(),
            positive_weights: has_positive_weights.then(|| third.layout()),
            variance: has_variance.then(|| third.layout()),
            result_shape: dimensions,
            options: Options::new(asked),
            values: Rows::Numbers(&result.values),
            denominator: result.denominator.as_deref().map(Rows::Numbers),
            counts: result.counts.map(Counts::from),
            is_unreduced,
        }
    }

    /// As lines for people.
    pub fn print(&self, out: &mut Output) -> Result<()> {
        self.common.print_head_of(("input", "columns"), out)?;
        let forms = [
            ("weights", Some(self.weights)),
            ("positive weights", self.positive_weights),
            ("variance", self.variance),
        ];
        for (name, form) in forms {
            if let Some(form) = form.filter(|form| *form != "none") {
                out.field(name, format_args!("one per {form}"))?;
            }
        }
        match self.axis {
            _ if self.is_unreduced => out.field("results", "one per element")?,
            "all" => {}
            axis => out.field("results", format_args!("one per {axis}"))?,
        }
        let results = [("loss", Some(self.values)), ("denominator", self.denominator)];
        for (name, values) in results.into_iter().filter_map(|(name, it)| Some((name, it?))) {
            match values {
                Rows::Numbers([]) => out.field(name, "none")?,
                Rows::Numbers([one]) if !self.is_unreduced && name == "loss" => {
                    out.field(name, format_args!("{one} ({})", self.reduction))?;
                }
                Rows::Numbers([one]) => out.field(name, one)?,
                several => several.print(name, out)?,
            }
        }
        if let Some(counts) = &self.counts {
            counts.print(out)?;
        }
        self.common.print_tail(out)
    }
}
