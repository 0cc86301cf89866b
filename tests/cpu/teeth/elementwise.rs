//! Mistakes in element-wise losses.

use wgpu_loss::{
    Axis, BinaryCounts, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, Engine, Logits, Mode, OwnedValues, Result, Weights, cpu,
};

use super::mistake::Mistake;
use super::outputs::{inexact, map_values, spoil_values};
use super::wrong::read;

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossMistake {
    /// Values five parts in a million off.
    Values,
    /// Values a hundredth of a percent off, of reduced losses alone.
    Reduced,
    Denominator,
    /// A positive taken for a negative too many.
    Counts,
    Gradient,
    VarianceGradient,
    /// A result is missing: its index among four.
    Missing(usize),
    /// A result was not asked for.
    Unasked(usize),
    NegatesGradient,
    DropsUpstream,
    /// Only the first of several upstream factors is read.
    FirstFactor,
    DropsWeights,
    /// The weights of positives are dropped; a variance is taken for that of its first element.
    DropsThird,
    DropsSmoothing,
    /// Elements of weight 0 are counted.
    CountsWeightless,
    /// Inputs a little below the threshold are taken for positives.
    LowThreshold,
    /// A mean is divided by one more than there are elements.
    OneMore,
    /// A mean over the batch is divided by the number of elements.
    MeanOfElements,
    /// A weighted mean is divided by the number of elements.
    DividesByCount,
    AlwaysStrict,
    AlwaysMasked,
    /// What is not finite counts as 0.
    HidesNan,
    ForgetsTargetGap,
    ForgetsWeightGap,
    /// The gradient is stored as another type.
    WrongElement,
    /// Results stand in the opposite order.
    Reverses,
}

impl LossMistake {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Values,
            Self::Reduced,
            Self::Denominator,
            Self::Counts,
            Self::Gradient,
            Self::VarianceGradient,
            Self::NegatesGradient,
            Self::DropsUpstream,
            Self::FirstFactor,
            Self::DropsWeights,
            Self::DropsThird,
            Self::DropsSmoothing,
            Self::CountsWeightless,
            Self::LowThreshold,
            Self::OneMore,
            Self::MeanOfElements,
            Self::DividesByCount,
            Self::AlwaysStrict,
            Self::AlwaysMasked,
            Self::HidesNan,
            Self::ForgetsTargetGap,
            Self::ForgetsWeightGap,
            Self::WrongElement,
            Self::Reverses,
        ];
        all.extend((0..4).map(Self::Missing));
        all.extend((0..4).map(Self::Unasked));
        all
    }

    fn options(self, options: &ElementwiseLoss) -> ElementwiseLoss {
        let mut changed = *options;
        match self {
            Self::DropsSmoothing => changed.label_smoothing = 0.0,
            Self::LowThreshold => {
                changed.threshold = options.threshold.map(|threshold| threshold - 0.1);
            }
            Self::MeanOfElements if options.reduction == ElementwiseReduction::BatchMean => {
                changed.reduction = ElementwiseReduction::Mean;
            }
            Self::AlwaysStrict => changed.mode = Mode::Strict,
            Self::AlwaysMasked => changed.mode = Mode::Masked,
            _ => {}
        }
        changed
    }

    fn upstream(self, upstream: ElementwiseUpstream<'_>) -> ElementwiseUpstream<'_> {
        let first = |factors: &[f32]| factors.first().copied().unwrap_or(1.0);
        match (self, upstream) {
            (Self::DropsUpstream, _) => ElementwiseUpstream::Scalar(1.0),
            (
                Self::FirstFactor,
                ElementwiseUpstream::PerRow(factors) | ElementwiseUpstream::PerColumn(factors),
            ) => ElementwiseUpstream::Scalar(first(factors)),
            _ => upstream,
        }
    }

    fn spoil(self, options: &ElementwiseLoss, elements: usize, out: &mut ElementwiseOutput) {
        let is_reduced = options.reduction != ElementwiseReduction::None;
        let values = &mut out.values;
        match self {
            Self::Values => values.iter_mut().for_each(|x| *x = inexact(*x)),
            Self::Reduced if is_reduced => values.iter_mut().for_each(|x| *x *= 1.0001),
            Self::Denominator => {
                out.denominator.iter_mut().flatten().for_each(|x| *x = inexact(*x));
            }
            Self::Counts => out.counts.iter_mut().for_each(|it| it.false_negatives += 1),
            Self::Gradient => out.gradient.iter_mut().for_each(spoil_values),
            Self::VarianceGradient => out.variance_gradient.iter_mut().for_each(spoil_values),
            Self::NegatesGradient => {
                out.gradient.iter_mut().for_each(|it| map_values(it, |x| -x));
            }
            Self::HidesNan => {
                let hidden = |x: f32| if x.is_finite() { x } else { 0.0 };
                values.iter_mut().for_each(|x| *x = hidden(*x));
            }
            Self::OneMore if options.reduction == ElementwiseReduction::Mean => {
                let of_one = elements as f32 / values.len().max(1) as f32;
                values.iter_mut().for_each(|x| *x *= of_one / (of_one + 1.0));
            }
            Self::DividesByCount => {
                let of_one = elements as f32 / values.len().max(1) as f32;
                for (x, denominator) in values.iter_mut().zip(out.denominator.iter().flatten()) {
                    *x *= denominator / of_one;
                }
            }
            Self::WrongElement => {
                let change = |gradient: &mut OwnedValues| {
                    let single = gradient.element() == wgpu_loss::Element::F32;
                    let element = match single {
                        true => wgpu_loss::Element::Bf16,
                        false => wgpu_loss::Element::F32,
                    };
                    *gradient = OwnedValues::from_f32(gradient.clone().into_f32(), element);
                };
                out.gradient.iter_mut().for_each(change);
            }
            Self::Reverses if is_reduced && options.axis != Axis::All => values.reverse(),
            Self::Missing(0) => out.denominator = None,
            Self::Missing(1) => out.counts = None,
            Self::Missing(2) => out.gradient = None,
            Self::Missing(_) => out.variance_gradient = None,
            Self::Unasked(0) => drop(out.denominator.get_or_insert_with(|| vec![0.0; 1])),
            Self::Unasked(1) => drop(out.counts.get_or_insert_with(BinaryCounts::default)),
            Self::Unasked(2) => {
                out.gradient.get_or_insert_with(|| OwnedValues::F32(Vec::new()));
            }
            Self::Unasked(_) => {
                out.variance_gradient.get_or_insert_with(|| OwnedValues::F32(Vec::new()));
            }
            _ => {}
        }
    }

    /// The operands as a kernel with this mistake takes them.
    fn evaluate(
        self,
        operands: &Elementwise<'_>,
        upstream: Option<ElementwiseUpstream<'_>>,
        options: &ElementwiseLoss,
    ) -> Result<ElementwiseOutput> {
        let without_gap = |matrix: Logits<'_>| read(matrix, true, |x| x);
        let mut changed = *operands;
        let target = operands.target.map(without_gap);
        if let (Self::ForgetsTargetGap, Some(target)) = (self, &target) {
            changed.target = Some(target.view()?);
        }
        let weights = match operands.weights {
            Weights::PerElement(weights) => Some(without_gap(weights)),
            _ => None,
        };
        if let (Self::ForgetsWeightGap, Some(weights)) = (self, &weights) {
            changed.weights = Weights::PerElement(weights.view()?);
        }
        let first;
        match (self, operands.variance) {
            (Self::DropsWeights, _) => changed.weights = Weights::None,
            (Self::DropsThird, Weights::PerRow(variance)) => {
                first = vec![variance.first().copied().unwrap_or(1.0); variance.len()];
                changed.variance = Weights::PerRow(&first);
            }
            (Self::DropsThird, _) => changed.positive_weights = Weights::None,
            _ => {}
        }
        let upstream = upstream.map(|upstream| self.upstream(upstream));
        let mut out = cpu::Fast.evaluate_elementwise(&changed, upstream, &self.options(options))?;
        if self == Self::CountsWeightless {
            changed.weights = Weights::None;
            out.counts = cpu::Fast.elementwise_loss(&changed, options)?.counts;
        }
        let input = operands.input.shape();
        self.spoil(options, input.rows * input.classes, &mut out);
        Ok(out)
    }
}

/// An element-wise loss as an engine with a mistake computes it.
pub fn evaluate(
    mistake: Mistake,
    operands: &Elementwise<'_>,
    upstream: Option<ElementwiseUpstream<'_>>,
    options: &ElementwiseLoss,
) -> Result<ElementwiseOutput> {
    if let Mistake::OfLoss(mistake) = mistake {
        return mistake.evaluate(operands, upstream, options);
    }
    let mut out = cpu::Fast.evaluate_elementwise(operands, upstream, options)?;
    if mistake == Mistake::Zeros {
        out.values.fill(0.0);
        out.denominator.iter_mut().for_each(|it| it.fill(0.0));
        let gradients = [&mut out.gradient, &mut out.variance_gradient];
        gradients.into_iter().flatten().for_each(|it| map_values(it, |_| 0.0));
    }
    Ok(out)
}
