//! An engine that splits the classes of every cross-entropy in three parts, and puts the results
//! together from their partial states.

use wgpu_loss::partial::{ClassRange, PartialState, merge};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Input, LogSumExp, LogSumExpOutput, Logits,
    OwnedValues, Reduce, ReduceOutput, Result, Segments, Softmax, TargetValues, Targets, Upstream,
    Values, Weights,
};

/// What it splits for.
pub struct Parts<'a>(pub &'a dyn Engine);

/// Of so many classes from a class on.
fn part(logits: Logits<'_>, first: usize, classes: usize) -> Result<Logits<'_>> {
    let mut shape = logits.shape();
    shape.classes = classes;
    let start = first * shape.inner;
    let values = match logits.values() {
        Values::F32(values) => Values::F32(values.get(start..).unwrap_or_default()),
        Values::F16(values) => Values::F16(values.get(start..).unwrap_or_default()),
        Values::Bf16(values) => Values::Bf16(values.get(start..).unwrap_or_default()),
    };
    Logits::from_values(values, shape)
}

/// The same of probabilities.
fn targets_of<'a>(targets: Targets<'a>, first: usize, classes: usize) -> Result<Targets<'a>> {
    let values = match targets.values {
        TargetValues::Probabilities(all) => TargetValues::Probabilities(part(all, first, classes)?),
        values => values,
    };
    Ok(Targets { values, ..targets })
}

/// First classes and numbers of classes: the parts are of different sizes, none of them empty.
fn parts(classes: usize) -> Vec<(usize, usize)> {
    let mut ends = vec![classes.div_ceil(2), classes - classes / 5, classes];
    ends.dedup();
    let firsts = [0].into_iter().chain(ends.clone());
    firsts.zip(ends).map(|(first, end)| (first, end - first)).collect()
}

impl Parts<'_> {
    fn gradient(
        &self,
        logits: Logits<'_>,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<OwnedValues> {
        let shape = logits.shape().contiguous();
        let mut whole = vec![0.0; shape.rows * shape.classes];
        for (first, classes) in parts(shape.classes) {
            let range = ClassRange { first, total: shape.classes };
            let of_part = targets_of(targets, first, classes)?;
            let part = part(logits, first, classes)?;
            let gradient =
                self.0.partial_gradient(part, range, states, of_part, upstream, options)?;
            let gradient = gradient.into_f32();
            let block = classes * shape.inner;
            assert_eq!(gradient.len(), shape.outer() * block, "the part's own shape");
            for outer in 0..shape.outer() {
                let start = outer * shape.row_stride + first * shape.inner;
                whole[start..start + block].copy_from_slice(&gradient[outer * block..][..block]);
            }
        }
        // Each part was rounded to this type already.
        Ok(OwnedValues::from_f32(whole, options.gradient_element.unwrap_or(shape.element)))
    }
}

impl Engine for Parts<'_> {
    fn name(&self) -> String {
        format!("{}, in parts", self.0.name())
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.0.evaluate_log_sum_exp(logits, upstream, options)
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        if options.input == Input::LogProbabilities {
            // Nothing to merge.
            return self.0.evaluate_cross_entropy(logits, targets, upstream, options);
        }
        let classes = logits.classes();
        let mut states = Vec::new();
        for (first, count) in parts(classes) {
            let range = ClassRange { first, total: classes };
            let of_part = targets_of(targets, first, count)?;
            let part = part(logits, first, count)?;
            states.push(self.0.partial_states(part, range, of_part, options)?);
        }
        let states: Vec<_> = states.iter().map(Vec::as_slice).collect();
        let states = merge(&states)?;
        let out = self.0.cross_entropy_of_states(&states, classes, targets, options)?;
        let gradient = |upstream| self.gradient(logits, &states, targets, upstream, options);
        let gradient = upstream.map(gradient).transpose()?;
        Ok(CrossEntropyOutput { gradient, ..out })
    }

    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        self.0.evaluate_softmax(logits, upstream, options)
    }

    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        self.0.partial_states(logits, classes, targets, options)
    }

    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.0.cross_entropy_of_states(states, classes, targets, options)
    }

    fn partial_gradient(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<OwnedValues> {
        self.0.partial_gradient(logits, classes, states, targets, upstream, options)
    }

    fn evaluate_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: wgpu_loss::SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &wgpu_loss::SoftmaxLoss,
    ) -> Result<wgpu_loss::SoftmaxLossOutput> {
        self.0.evaluate_softmax_loss(logits, against, upstream, options)
    }

    fn evaluate_elementwise(
        &self,
        operands: &wgpu_loss::Elementwise<'_>,
        upstream: Option<wgpu_loss::ElementwiseUpstream<'_>>,
        options: &wgpu_loss::ElementwiseLoss,
    ) -> Result<wgpu_loss::ElementwiseOutput> {
        self.0.evaluate_elementwise(operands, upstream, options)
    }

    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.0.evaluate_reduce(values, weights, upstream, options)
    }

    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.0.reduce_segments(values, segments, weights, options)
    }
}
