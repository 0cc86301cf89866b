//! An engine with one mistake.

use wgpu_loss::partial::{ClassRange, PartialState};
use wgpu_loss::{
    Axis, ClassIndices, CrossEntropy, CrossEntropyOutput, Element, Engine, Error, Input, LogSumExp,
    LogSumExpOutput, Logits, Mode, OwnedValues, Reduce, ReduceOutput, Reduction, Result, Segments,
    Shape, Softmax, TargetValues, Targets, Upstream, Weights, cpu,
};

use super::elementwise;
use super::mistake::Mistake;
use super::outputs::{inexact, map_values, spoil_values};
use super::reduction::Reduction as WrongReduction;
use super::softmax_loss;

pub struct Wrong(pub Mistake);

/// Values of a call of its own, in memory of their own.
pub struct Copied {
    values: OwnedValues,
    shape: Shape,
}

impl Copied {
    pub fn view(&self) -> Result<Logits<'_>> {
        Logits::from_values(self.values.values(), self.shape)
    }
}

/// The matrix as it is, or as a kernel with this mistake takes it.
pub fn read(matrix: Logits<'_>, forgets_gap: bool, change: impl FnMut(f32) -> f32) -> Copied {
    let shape = matrix.shape();
    let stored = matrix.values();
    let values = (0..stored.len()).filter_map(|at| stored.get(at)).map(change).collect();
    let values = OwnedValues::from_f32(values, shape.element);
    Copied { values, shape: if forgets_gap { shape.contiguous() } else { shape } }
}

impl Wrong {
    fn refusal(&self) -> Result<()> {
        match self.0 {
            Mistake::Refuses => {
                Err(Error::Device { operation: "any", message: "it is broken".into() })
            }
            _ => Ok(()),
        }
    }

    fn logits(&self, logits: Logits<'_>) -> Copied {
        let flush = |x: f32| match self.0 {
            Mistake::FlushesHalf if logits.element() == Element::F16 && x.abs() < 6e-5 => 0.0,
            _ => x,
        };
        let mut copied = read(logits, self.0 == Mistake::ForgetsGap, flush);
        let shape = copied.shape;
        match self.0 {
            Mistake::ForgetsLayout if shape.inner > 1 && shape.is_contiguous() => {
                copied.shape = Shape::new(shape.rows, shape.classes).with_element(shape.element);
            }
            Mistake::ForgetsLastClass if shape.classes > 1 => {
                let mut values = copied.values.into_f32();
                for row in 0..shape.rows {
                    let last = shape.start_of(row) + (shape.classes - 1) * shape.inner;
                    values[last] = f32::NEG_INFINITY;
                }
                copied.values = OwnedValues::from_f32(values, shape.element);
            }
            _ => {}
        }
        copied
    }

    fn upstream<'a>(&self, upstream: Upstream<'a>, rows: usize) -> Upstream<'a> {
        match (self.0, upstream) {
            (Mistake::DropsUpstream, Upstream::Scalar(_)) => Upstream::Scalar(1.0),
            (Mistake::FirstFactor, Upstream::PerRow(factors)) if factors.len() == rows => {
                Upstream::Scalar(factors.first().copied().unwrap_or(1.0))
            }
            _ => upstream,
        }
    }

    fn options(&self, options: &CrossEntropy) -> CrossEntropy {
        let mut changed = *options;
        match self.0 {
            Mistake::DropsSmoothing => changed.label_smoothing = 0.0,
            Mistake::DropsZLoss => changed.z_loss = 0.0,
            Mistake::DropsScale => changed.logit_scale = 1.0,
            Mistake::DropsSoftcap => changed.softcap = None,
            Mistake::AlwaysStrict => changed.mode = Mode::Strict,
            Mistake::AlwaysMasked => changed.mode = Mode::Masked,
            Mistake::CountsFirstClass if options.ignore_index == Some(0) => {
                changed.ignore_index = None;
            }
            Mistake::LooseScale if options.logit_scale != 1.0 => changed.logit_scale *= 1.000_004,
            Mistake::LooseSoftcap => changed.softcap = options.softcap.map(|it| it * 1.000_004),
            Mistake::AcceptsOptions => {
                if !(0.0..=1.0).contains(&options.label_smoothing) {
                    changed.label_smoothing = 0.0;
                }
                changed.softcap = options.softcap.filter(|softcap| *softcap > 0.0);
            }
            _ => {}
        }
        changed
    }

    fn weights<'a>(&self, targets: Targets<'a>) -> Targets<'a> {
        match self.0 {
            Mistake::DropsClassWeights => Targets { class_weights: None, ..targets },
            Mistake::DropsRowWeights => Targets { row_weights: None, ..targets },
            _ => targets,
        }
    }

    /// Targets as a kernel with this mistake takes them; `None`: as they are.
    fn classes(
        &self,
        targets: Targets<'_>,
        classes: usize,
        ignore: Option<i32>,
    ) -> Option<Vec<i32>> {
        let TargetValues::Classes(indices) = targets.values else { return None };
        let all = (0..indices.len()).filter_map(|row| indices.get(row));
        match self.0 {
            Mistake::CutsTargets => Some(all.map(|target| target as i32).collect()),
            Mistake::AcceptsTargets => {
                let accepted = |target: i64| match usize::try_from(target) {
                    Ok(class) if class < classes => target as i32,
                    _ => ignore.unwrap_or(0),
                };
                Some(all.map(accepted).collect())
            }
            _ => None,
        }
    }

    /// Calls with what a kernel with this mistake takes the targets for.
    fn with_targets<T>(
        &self,
        targets: Targets<'_>,
        classes: usize,
        options: &CrossEntropy,
        call: impl FnOnce(Targets<'_>) -> Result<T>,
    ) -> Result<T> {
        let targets = self.weights(targets);
        if let Some(classes) = self.classes(targets, classes, options.ignore_index) {
            let values = TargetValues::Classes(ClassIndices::I32(&classes));
            return call(Targets { values, ..targets });
        }
        if let (Mistake::ForgetsProbabilityGap, TargetValues::Probabilities(probabilities)) =
            (self.0, targets.values)
        {
            let copied = read(probabilities, true, |q| q);
            return call(Targets {
                values: TargetValues::Probabilities(copied.view()?),
                ..targets
            });
        }
        call(targets)
    }

    fn spoil_gradient(&self, gradient: &mut OwnedValues) {
        match self.0 {
            Mistake::Zeros => map_values(gradient, |_| 0.0),
            Mistake::HidesNan => map_values(gradient, |x| if x.is_nan() { 0.0 } else { x }),
            Mistake::DropsSmall => map_values(gradient, |x| if x.abs() < 1e-6 { 0.0 } else { x }),
            Mistake::WrongElement => {
                let values = std::mem::replace(gradient, OwnedValues::F32(Vec::new()));
                let element = match values.element() {
                    Element::F32 => Element::Bf16,
                    Element::F16 | Element::Bf16 => Element::F32,
                };
                *gradient = OwnedValues::from_f32(values.into_f32(), element);
            }
            Mistake::CoarseHalf if gradient.element() != Element::F32 => spoil_values(gradient),
            _ => {}
        }
    }

    fn spoil(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        options: &CrossEntropy,
        upstream: Option<Upstream<'_>>,
        out: &mut CrossEntropyOutput,
    ) -> Result<()> {
        let (rows, shape) = (logits.rows(), logits.shape().contiguous());
        let target = |row: usize| {
            let TargetValues::Classes(indices) = targets.values else { return None };
            let index =
                indices.get(row).filter(|&it| Some(it) != options.ignore_index.map(i64::from));
            index.and_then(|index| usize::try_from(index).ok())
        };
        let is_plain = options.softcap.is_none()
            && options.logit_scale == 1.0
            && options.input == Input::Logits
            && options.label_smoothing == 0.0
            && options.z_loss == 0.0
            && targets.class_weights.is_none()
            && targets.row_weights.is_none();
        match self.0 {
            Mistake::Inexact(output) => output.spoil(out),
            Mistake::Missing(output) => output.remove(out),
            Mistake::Unasked(output) => output.add(out, rows),
            Mistake::Zeros => {
                (out.loss, out.z_loss) = (0.0, 0.0);
                let values = [&mut out.loss_rows, &mut out.log_sum_exp, &mut out.entropy];
                values.into_iter().flatten().flatten().for_each(|x| *x = 0.0);
            }
            Mistake::WrongSign => out.loss = -out.loss,
            Mistake::DividesByRows if options.reduction == Reduction::Mean => {
                out.loss *= out.denominator / rows as f32;
            }
            Mistake::CleansIgnored => {
                if let Some(gradient) = &mut out.gradient {
                    let mut values = gradient.clone().into_f32();
                    for row in (0..rows).filter(|&row| target(row).is_none()) {
                        for class in 0..shape.classes {
                            values[shape.start_of(row) + class * shape.inner] = 0.0;
                        }
                    }
                    *gradient = OwnedValues::from_f32(values, gradient.element());
                }
            }
            Mistake::LastArgmax => {
                for (row, argmax) in out.argmax.iter_mut().flatten().enumerate() {
                    let values = logits.row(row);
                    let best = values[*argmax as usize];
                    let last = values.iter().rposition(|&x| x == best);
                    *argmax = last.map_or(*argmax, |last| last as u32);
                }
            }
            Mistake::RankWithoutTies => {
                for (row, rank) in out.target_rank.iter_mut().flatten().enumerate() {
                    if let Some(target) = target(row) {
                        let values = logits.row(row);
                        let is_tie = |&&x: &&f32| x == values[target];
                        *rank -= values[..target].iter().filter(is_tie).count() as u32;
                    }
                }
            }
            Mistake::ArgmaxOfStored if options.logit_scale < 0.0 => {
                let positive = CrossEntropy { logit_scale: -options.logit_scale, ..*options };
                out.argmax = cpu::Fast.cross_entropy(logits, targets, &positive)?.argmax;
            }
            Mistake::Cancels if is_plain => {
                for (row, loss) in out.loss_rows.iter_mut().flatten().enumerate() {
                    if let Some(target) = target(row) {
                        let x = logits.row(row);
                        *loss = naive_log_sum_exp(&x) - x[target];
                    }
                }
            }
            Mistake::CancelsEntropy if is_plain => {
                for (row, entropy) in out.entropy.iter_mut().flatten().enumerate() {
                    let x = logits.row(row);
                    let lse = naive_log_sum_exp(&x);
                    let mean: f32 = x.iter().map(|x| (x - lse).exp() * x).sum();
                    *entropy = lse - mean;
                }
            }
            Mistake::CancelsGradient if is_plain => {
                let (Some(OwnedValues::F32(values)), Some(upstream)) =
                    (&mut out.gradient, upstream)
                else {
                    return Ok(());
                };
                for row in 0..rows {
                    let mut factor = match upstream {
                        Upstream::Scalar(factor) => factor,
                        Upstream::PerRow(factors) => factors[row],
                    };
                    if !matches!(options.reduction, Reduction::None | Reduction::Sum) {
                        factor /= out.denominator;
                    }
                    if let Some(target) = target(row) {
                        let value = &mut values[shape.start_of(row) + target * shape.inner];
                        let probability = *value / factor + 1.0;
                        *value = factor * (probability - 1.0);
                    }
                }
            }
            _ => {}
        }
        out.gradient.iter_mut().for_each(|gradient| self.spoil_gradient(gradient));
        Ok(())
    }

    /// What the mistake makes of a result.
    fn named<T>(&self, rows: usize, result: Result<T>) -> Result<T> {
        match (self.0, result) {
            (
                Mistake::NamesLastTarget,
                Err(Error::TargetOutOfRange { operation, value, classes, .. }),
            ) => Err(Error::TargetOutOfRange { operation, row: rows - 1, value, classes }),
            (_, result) => result,
        }
    }

    fn spoil_state(&self, state: &mut PartialState) {
        match self.0 {
            Mistake::InexactState(0) => state.maximum = inexact(state.maximum),
            Mistake::InexactState(1) => state.rest = inexact(state.rest),
            Mistake::InexactState(2) => state.distance = inexact(state.distance),
            Mistake::InexactState(3) => state.weight = inexact(state.weight),
            // Twice as much: it is but a part of the entropy.
            Mistake::InexactState(4) => state.spread = inexact(inexact(state.spread)),
            Mistake::InexactState(5) => state.argmax += 1,
            Mistake::InexactState(_) => state.target_logit = inexact(state.target_logit),
            Mistake::WrongFlag(flag) => state.flags ^= flag,
            _ => {}
        }
    }
}

fn naive_log_sum_exp(x: &[f32]) -> f32 {
    let maximum = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    maximum + x.iter().map(|x| (x - maximum).exp()).sum::<f32>().ln()
}

impl Engine for Wrong {
    fn name(&self) -> String {
        format!("{:?}", self.0)
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        self.refusal()?;
        let copied = self.logits(logits);
        let upstream = upstream.map(|upstream| self.upstream(upstream, logits.rows()));
        let mut out = cpu::Fast.evaluate_log_sum_exp(copied.view()?, upstream, options)?;
        if self.0 == Mistake::Zeros {
            out.log_sum_exp.fill(0.0);
        }
        out.gradient.iter_mut().for_each(|gradient| self.spoil_gradient(gradient));
        Ok(out)
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.refusal()?;
        let copied = self.logits(logits);
        let logits = copied.view()?;
        let upstream = upstream.map(|upstream| self.upstream(upstream, logits.rows()));
        let changed = self.options(options);
        let call = |targets: Targets<'_>| {
            let result = cpu::Fast.evaluate_cross_entropy(logits, targets, upstream, &changed);
            let mut out = self.named(logits.rows(), result)?;
            self.spoil(logits, targets, options, upstream, &mut out)?;
            Ok(out)
        };
        self.with_targets(targets, logits.classes(), options, call)
    }

    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        self.refusal()?;
        let log = options.log && self.0 != Mistake::ForgetsLogarithm;
        let options = Softmax { log, ..*options };
        let copied = self.logits(logits);
        let logits = copied.view()?;
        let forgets_gap = self.0 == Mistake::ForgetsUpstreamGap;
        let upstream = upstream.map(|upstream| read(upstream, forgets_gap, |g| g));
        let upstream = upstream.as_ref().map(Copied::view).transpose()?;
        let mut out = match (self.0, upstream) {
            (Mistake::ForgetsMean, Some(upstream)) if !options.log => {
                // p g
                let element = Softmax { element: Some(Element::F32), ..options };
                let probabilities = cpu::Fast.evaluate_softmax(logits, None, &element)?.into_f32();
                let shape = logits.shape().contiguous();
                let mut products = probabilities.clone();
                for row in 0..shape.rows {
                    for (class, factor) in upstream.row(row).iter().enumerate() {
                        products[shape.start_of(row) + class * shape.inner] *= factor;
                    }
                }
                OwnedValues::from_f32(products, options.element.unwrap_or(shape.element))
            }
            _ => cpu::Fast.evaluate_softmax(logits, upstream, &options)?,
        };
        self.spoil_gradient(&mut out);
        Ok(out)
    }

    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        self.refusal()?;
        let changed = self.options(options);
        let mut classes = classes;
        match self.0 {
            Mistake::ForgetsFirstClass => classes.first = 0,
            Mistake::AcceptsParts => {
                classes.first = classes.first.min(classes.total - logits.classes())
            }
            _ => {}
        }
        let copied = self.logits(logits);
        let logits = copied.view()?;
        let call = |targets: Targets<'_>| {
            self.named(logits.rows(), cpu::Fast.partial_states(logits, classes, targets, &changed))
        };
        let mut states = self.with_targets(targets, classes.total, options, call)?;
        states.iter_mut().for_each(|state| self.spoil_state(state));
        Ok(states)
    }

    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.refusal()?;
        let changed = self.options(options);
        self.with_targets(targets, classes, options, |targets| {
            cpu::Fast.cross_entropy_of_states(states, classes, targets, &changed)
        })
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
        self.refusal()?;
        let changed = self.options(options);
        let upstream = self.upstream(upstream, logits.rows());
        let mut classes = classes;
        if self.0 == Mistake::ForgetsFirstClassOfGradient {
            classes.first = 0;
        }
        let copied = self.logits(logits);
        let logits = copied.view()?;
        let call = |targets: Targets<'_>| {
            cpu::Fast.partial_gradient(logits, classes, states, targets, upstream, &changed)
        };
        let mut gradient = self.with_targets(targets, classes.total, options, call)?;
        self.spoil_gradient(&mut gradient);
        Ok(gradient)
    }

    fn evaluate_softmax_loss(
        &self,
        logits: Logits<'_>,
        against: wgpu_loss::SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &wgpu_loss::SoftmaxLoss,
    ) -> Result<wgpu_loss::SoftmaxLossOutput> {
        self.refusal()?;
        softmax_loss::evaluate(self.0, logits, against, upstream, options)
    }

    fn evaluate_elementwise(
        &self,
        operands: &wgpu_loss::Elementwise<'_>,
        upstream: Option<wgpu_loss::ElementwiseUpstream<'_>>,
        options: &wgpu_loss::ElementwiseLoss,
    ) -> Result<wgpu_loss::ElementwiseOutput> {
        self.refusal()?;
        elementwise::evaluate(self.0, operands, upstream, options)
    }

    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.refusal()?;
        let copied = self.logits(values);
        let reduction = WrongReduction { mistake: self.0, options };
        let shape = copied.shape;
        let results = match options.axis {
            Axis::EachRow => shape.rows,
            Axis::EachColumn => shape.classes,
            Axis::All => 1,
        };
        let upstream = upstream.map(|upstream| self.upstream(upstream, results));
        reduction.with_operands(copied.view()?, weights, |values, weights, options| {
            let mut out = cpu::Fast.evaluate_reduce(values, weights, upstream, options)?;
            reduction.spoil(values, weights, upstream, &mut out);
            out.gradient.iter_mut().for_each(|gradient| self.spoil_gradient(gradient));
            Ok(out)
        })
    }

    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.refusal()?;
        let copied = self.logits(values);
        let reduction = WrongReduction { mistake: self.0, options };
        reduction.with_operands(copied.view()?, weights, |values, weights, options| {
            let mut out = reduction.with_segments(segments, |segments| {
                cpu::Fast.reduce_segments(values, segments, weights, options)
            })?;
            reduction.spoil_values(&mut out);
            Ok(out)
        })
    }
}
