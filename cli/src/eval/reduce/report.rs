//! What `eval reduce` prints and writes.

use serde::Serialize;
use wgpu_loss::{Denominator, Reduce, ReduceOutput, Values};

use super::weights::FileWeights;
use crate::arguments::{AxisOption, ReduceOptions, StatisticOption, UpstreamOption};
use crate::eval::common::{Common, GradientReport, Run, UpstreamReport, like_logits, mode_name};
use crate::eval::layout::Matrix;
use crate::eval::rows::Rows;
use crate::eval::source::Source;
use crate::eval::write::Array;
use crate::failure::Result;
use crate::output::{Number, Output};

/// What was asked for.
pub struct Asked<'a> {
    /// On the command line.
    pub options: &'a ReduceOptions,
    /// What the axis is, given or not.
    pub axis: AxisOption,
    /// Of the library.
    pub request: &'a Reduce,
    /// Whether of segments.
    pub segmented: bool,
}

/// The results as arrays of a file.
pub fn arrays<'a>(
    result: &'a ReduceOutput,
    values: &Matrix<'_>,
    weights: &FileWeights<'_>,
    dimensions: &[usize],
) -> Vec<Array<'a>> {
    let results = Results::new(result).all();
    let mut arrays: Vec<_> = results.map(|(name, values)| values.array(name, dimensions)).collect();
    arrays.extend(result.gradient.iter().map(|it| like_logits("gradient", it, values)));
    let weight_gradient = result.weight_gradient.as_deref().map(Rows::Numbers);
    arrays.extend(weight_gradient.map(|it| it.array("weight_gradient", &weights.dimensions)));
    arrays
}

/// The results, under their names in JSON.
#[derive(Clone, Copy, Serialize)]
struct Results<'a> {
    values: Rows<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variance: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<Rows<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denominator: Option<Rows<'a>>,
}

impl<'a> Results<'a> {
    fn new(result: &'a ReduceOutput) -> Self {
        let numbers = |values: &'a Option<Vec<f32>>| values.as_deref().map(Rows::Numbers);
        Self {
            values: Rows::Numbers(&result.values),
            variance: numbers(&result.variance),
            sign: numbers(&result.sign),
            denominator: numbers(&result.denominator),
        }
    }

    /// Those that are there, with their names.
    fn all(self) -> impl Iterator<Item = (&'static str, Rows<'a>)> {
        [
            ("values", Some(self.values)),
            ("variance", self.variance),
            ("sign", self.sign),
            ("denominator", self.denominator),
        ]
        .into_iter()
        .filter_map(|(name, values)| values.map(|values| (name, values)))
    }
}

/// The options, in JSON.
#[derive(Serialize)]
struct Options {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correction: Option<Number>,
    nonzero_weights: bool,
}

/// What is printed.
#[derive(Serialize)]
pub struct Report<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    #[serde(flatten)]
    gradient: GradientReport<'a>,
    weight_gradient: bool,
    statistic: &'static str,
    axis: &'static str,
    weights: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<usize>,
    result_shape: &'a [usize],
    options: Options,
    #[serde(flatten)]
    results: Results<'a>,
    #[serde(skip)]
    label: &'static str,
}

impl<'a> Report<'a> {
    /// Of a call.
    pub fn new(
        asked: &Asked<'a>,
        source: &'a Source,
        values: &'a Matrix<'_>,
        weights: &FileWeights<'_>,
        dimensions: &'a [usize],
        run: &'a Run<ReduceOutput>,
    ) -> Self {
        let (options, result) = (asked.options, &run.result);
        let of_elements = weights.of_elements().map(|weights| weights.floats.values());
        let weight_gradient = result.weight_gradient.as_deref().map(Values::F32);
        let others = [
            of_elements,
            result.gradient.as_ref().map(|it| it.values()),
            weight_gradient.filter(|_| of_elements.is_some()),
        ];
        let upstream = match &options.gradient.upstream {
            UpstreamOption::Number(factor) => UpstreamReport::from(*factor),
            UpstreamOption::Named(name) => UpstreamReport::Named(name),
        };
        let has_variance = options.statistic == StatisticOption::MeanAndVariance;
        let correction = options.correction.unwrap_or(0.0);
        Self {
            common: Common::new("reduce", source, values, &options.common, run, &others),
            gradient: GradientReport::new(upstream, result.gradient.as_ref()),
            weight_gradient: weight_gradient.is_some(),
            statistic: options.statistic.name(),
            axis: asked.axis.name(),
            weights: weights.layout(),
            segments: asked.segmented.then(|| dimensions[0]),
            result_shape: dimensions,
            options: Options {
                mode: mode_name(asked.request.mode),
                correction: has_variance.then(|| Number::single(correction)),
                nonzero_weights: asked.request.denominator == Denominator::NonzeroWeights,
            },
            results: Results::new(result),
            label: options.statistic.label(),
        }
    }

    /// As lines for people.
    pub fn print(&self, out: &mut Output) -> Result<()> {
        self.common.print_head_of(("values", "columns"), out)?;
        if self.weights != "none" {
            out.field("weights", format_args!("one per {}", self.weights))?;
        }
        match (self.segments, self.axis) {
            (Some(segments), _) => {
                out.field("results", format_args!("one per column of {segments} segments"))?;
            }
            (None, "all") => {}
            (None, axis) => out.field("results", format_args!("one per {axis}"))?,
        }
        for (name, values) in self.results.all() {
            let label = if name == "values" { self.label } else { name };
            match values {
                Rows::Numbers([]) => out.field(label, "none")?,
                Rows::Numbers([one]) => out.field(label, one)?,
                several => several.print(label, out)?,
            }
        }
        self.common.print_tail(out)
    }
}
