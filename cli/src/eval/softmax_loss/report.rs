//! What `eval` prints and writes of focal loss and of divergences of logits.

use serde::Serialize;
use wgpu_loss::{
    OwnedValues, SoftmaxAgainst, SoftmaxFunction, SoftmaxLossOutput, TargetValues, Targets,
};

use crate::arguments::{AskedAgainst, AskedSoftmaxLoss, ReductionOption, UpstreamOption};
use crate::eval::common::{Common, GradientReport, Run, UpstreamReport, like_logits, mode_name};
use crate::eval::layout::Matrix;
use crate::eval::rows::Rows;
use crate::eval::source::Source;
use crate::eval::write::Array;
use crate::failure::Result;
use crate::output::{Number, Output};

/// The results as arrays of a file.
pub fn arrays<'a>(result: &'a SoftmaxLossOutput, logits: &Matrix<'_>) -> Vec<Array<'a>> {
    let losses = result.loss_rows.as_deref().map(Rows::Numbers);
    let losses = losses.map(|losses| losses.array("loss", &logits.layout.of_rows()));
    let gradient = result.gradient.as_ref().map(|it| like_logits("gradient", it, logits));
    losses.into_iter().chain(gradient).collect()
}

/// The options, in JSON; those that the function lacks are left out.
#[derive(Serialize)]
struct Options {
    mode: &'static str,
    temperature: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    gamma: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label_smoothing: Option<Number>,
}

impl Options {
    fn new(asked: &AskedSoftmaxLoss<'_>) -> Self {
        Self {
            mode: mode_name(asked.options.mode.library()),
            temperature: Number::single(asked.options.temperature),
            gamma: match asked.function {
                SoftmaxFunction::Focal { gamma } => Some(Number::single(gamma)),
                _ => None,
            },
            label_smoothing: match asked.against {
                AskedAgainst::Targets(focal) => Some(Number::single(focal.label_smoothing)),
                AskedAgainst::Teacher(_) => None,
            },
        }
    }
}

/// What is printed.
#[derive(Serialize)]
pub struct Report<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(flatten)]
    gradient: GradientReport<'a>,
    reduction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_index: Option<Option<i32>>,
    options: Options,
    against: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class_weights: Option<bool>,
    row_weights: bool,
    /// Whether the denominator is a sum of weights.
    #[serde(skip)]
    sums_weights: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<Number>,
    denominator: Number,
    counted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_rows: Option<Rows<'a>>,
}

impl<'a> Report<'a> {
    /// Of a call.
    pub fn new(
        asked: &AskedSoftmaxLoss<'a>,
        source: &'a Source,
        logits: &'a Matrix<'_>,
        against: &SoftmaxAgainst<'_>,
        run: &'a Run<SoftmaxLossOutput>,
    ) -> Self {
        let (options, result) = (asked.options, &run.result);
        let is_unreduced = options.reduction == ReductionOption::None;
        let (kind, matrix, row_weights) = match against {
            SoftmaxAgainst::Teacher { logits, row_weights } => {
                ("teacher", Some(logits.values()), row_weights.is_some())
            }
            SoftmaxAgainst::Targets(Targets { values, row_weights, .. }) => match values {
                TargetValues::Classes(_) => ("classes", None, row_weights.is_some()),
                TargetValues::Probabilities(matrix) => {
                    ("probabilities", Some(matrix.values()), row_weights.is_some())
                }
            },
        };
        let (ignore_index, class_weights) = match (asked.against, against) {
            (AskedAgainst::Targets(focal), SoftmaxAgainst::Targets(targets)) => {
                (Some(focal.ignore_index.0), Some(targets.class_weights.is_some()))
            }
            _ => (None, None),
        };
        let upstream = match &options.upstream {
            UpstreamOption::Number(factor) => UpstreamReport::from(*factor),
            UpstreamOption::Named(name) => UpstreamReport::Named(name),
        };
        let others = [matrix, result.gradient.as_ref().map(OwnedValues::values)];
        Self {
            common: Common::new(asked.name, source, logits, &options.common, run, &others),
            gradient: GradientReport::new(upstream, result.gradient.as_ref()),
            reduction: options.reduction.name(),
            ignore_index,
            options: Options::new(asked),
            against: kind,
            class_weights,
            row_weights,
            sums_weights: row_weights && options.reduction.sums_weights(),
            loss: (!is_unreduced).then(|| Number::single(result.loss)),
            denominator: Number::single(result.denominator),
            counted: result.counted,
            loss_rows: (result.loss_rows.as_deref().filter(|_| options.rows || is_unreduced))
                .map(Rows::Numbers),
        }
    }

    /// As lines for people.
    pub fn print(&self, out: &mut Output) -> Result<()> {
        self.common.print_head(out)?;
        if let Some(loss) = &self.loss {
            out.field("loss", format_args!("{} ({})", loss.0, self.reduction))?;
        }
        if let Some(rows) = self.loss_rows {
            rows.print("loss of the rows", out)?;
        }
        if self.sums_weights {
            out.field("sum of weights", self.denominator.0)?;
        }
        out.field("counted rows", self.counted)?;
        self.common.print_tail(out)
    }
}
