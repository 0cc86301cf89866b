//! Reductions on buffers of the caller's.

use wgpu_loss::{
    GradientPlace, Logits, OwnedValues, Pass, Reduce, ReduceOperands, ReduceOutput,
    ReduceSegmentsOperands, Result, SegmentLayout, Segments, Statistic, Upstream, UpstreamOperand,
    Weights,
};

use crate::engine::{Embedded, upstream_operand};
use crate::memory::{Memory, assert_written};

/// Values and, where there are any, weights on the device.
struct Sources {
    values: Memory,
    weights: Option<Memory>,
}

impl Sources {
    fn new(engine: &Embedded, values: Logits<'_>, weights: Weights<'_>) -> Self {
        let weights = match weights {
            Weights::None => None,
            Weights::PerRow(weights) | Weights::PerColumn(weights) => Some(engine.upload(weights)),
            Weights::PerElement(weights) => Some(engine.upload_matrix(engine.offsets[2], weights)),
        };
        Self { values: engine.upload_logits(values), weights }
    }
}

/// Results from their words.
fn output(options: &Reduce, words: &[f32], stride: u32) -> ReduceOutput {
    let word =
        |at: usize| words[at.min(words.len())..].iter().step_by(stride as usize).copied().collect();
    let is_mean = matches!(options.statistic, Statistic::Mean);
    let is_variance = matches!(options.statistic, Statistic::MeanAndVariance { .. });
    ReduceOutput {
        values: word(0),
        variance: is_variance.then(|| word(1)),
        sign: matches!(options.statistic, Statistic::LogSumExp).then(|| word(1)),
        denominator: (is_mean || is_variance).then(|| word(if is_mean { 1 } else { 2 })),
        gradient: None,
        weight_gradient: None,
    }
}

impl Embedded {
    pub fn reduce_embedded(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        let shape = values.shape();
        let element = options.gradient_element.unwrap_or(shape.element);
        let place = self.place_of(shape, element);
        let gradient_shape = Self::shape_at(place, shape, element);
        let (source, factors) = upstream.map(|it| self.upstream(it)).unzip();
        let factors = factors.flatten();
        let passes = self.passes(source.map(|source| (place, source)));
        let plan = |pass| options.plan(&self.kernels, shape, weights.layout(), pass);
        let first = plan(passes[0])?;

        let sources = Sources::new(self, values, weights);
        let results = self.output(4, first.results() * first.result_words() as usize);
        let is_separate = source.is_some() && place != GradientPlace::InPlace;
        let gradient = is_separate.then(|| self.output_matrix(gradient_shape));
        let weight_count = match weights {
            Weights::None => 0,
            Weights::PerRow(weights) | Weights::PerColumn(weights) => weights.len(),
            Weights::PerElement(weights) => weights.rows() * weights.classes(),
        };
        let has_weight_gradient = source.is_some() && options.weight_gradient;
        let weight_gradient = has_weight_gradient.then(|| self.output(4, weight_count));
        let mut steps = Vec::new();
        for &pass in &passes {
            let has_gradient = !matches!(pass, Pass::Forward { .. });
            // Nothing of a sum's results is needed for its gradient.
            let needs_results = !matches!(pass, Pass::Backward { .. })
                || !matches!(options.statistic, Statistic::Sum);
            steps.push(plan(pass)?.bind(&ReduceOperands {
                weights: sources.weights.as_ref().map(Memory::slice),
                results: needs_results.then(|| results.slice()),
                gradient: gradient.as_ref().filter(|_| has_gradient).map(Memory::slice),
                weight_gradient:
                    weight_gradient.as_ref().filter(|_| has_gradient).map(Memory::slice),
                upstream: match upstream.filter(|_| has_gradient) {
                    Some(upstream) => upstream_operand(upstream, &factors),
                    None => UpstreamOperand::default(),
                },
                ..ReduceOperands::new(sources.values.slice())
            })?);
        }
        self.run(&steps);
        self.assert_unchanged(factors.iter().chain(&sources.weights));
        let words = OwnedValues::F32(results.read(&self.gpu));
        assert_written(&words);
        let output = output(options, &words.into_f32(), first.result_words());
        let gradient = match source {
            Some(_) => Some(self.read_matrix(&sources.values, gradient.as_ref(), gradient_shape)),
            None => {
                self.assert_unchanged([&sources.values]);
                None
            }
        };
        let weight_gradient = weight_gradient.map(|memory| {
            let values = OwnedValues::F32(memory.read(&self.gpu));
            assert_written(&values);
            values.into_f32()
        });
        Ok(ReduceOutput { gradient, weight_gradient, ..output })
    }

    pub fn reduce_segments_embedded(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        let (layout, ids) = match segments {
            Segments::Offsets(offsets) => {
                (SegmentLayout::Offsets(segments.len()), self.upload(offsets))
            }
            Segments::Ids { ids, segments } => (SegmentLayout::Ids(segments), self.upload(ids)),
        };
        let plan =
            options.plan_segments(&self.kernels, values.shape(), weights.layout(), layout)?;
        let sources = Sources::new(self, values, weights);
        let results = self.output(4, plan.results() * plan.result_words() as usize);
        let step = plan.bind(&ReduceSegmentsOperands {
            values: sources.values.slice(),
            weights: sources.weights.as_ref().map(Memory::slice),
            segments: ids.slice(),
            results: results.slice(),
        })?;
        self.run(&[step]);
        self.assert_unchanged([&sources.values, &ids].into_iter().chain(&sources.weights));
        let words = OwnedValues::F32(results.read(&self.gpu));
        assert_written(&words);
        Ok(output(options, &words.into_f32(), plan.result_words()))
    }
}
