//! Mistakes in focal loss and in divergences of logits.

use wgpu_loss::{
    Element, Engine, Error, Logits, Mode, OwnedValues, Reduction, Result, SoftmaxAgainst,
    SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput, TargetValues, Targets, Upstream, cpu,
};

use super::mistake::Mistake;
use super::naive::{forget_power, naive_divergence, naive_focal};
use super::outputs::{inexact, map_values, spoil_values};
use super::wrong::read;

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SoftmaxLossMistake {
    /// Losses of rows five parts in a million off.
    Rows,
    /// A hundredth of a percent off, of reduced losses alone.
    Reduced,
    Denominator,
    Counted,
    Gradient,
    NegatesGradient,
    /// Values of the gradient too small to matter to the tolerance of the row are left out.
    DropsSmall,
    /// A result is missing: its index of two.
    Missing(usize),
    /// A result was not asked for.
    Unasked(usize),
    /// The exponent of focal loss has no effect.
    DropsGamma,
    /// The power's derivative is forgotten: the gradient is that of cross-entropy times the power.
    ForgetsPower,
    /// The weights of classes have no effect.
    DropsAlpha,
    DropsRowWeights,
    DropsSmoothing,
    DropsTemperature,
    /// Divergences are not multiplied by the square of the temperature.
    DropsSquare,
    /// They are multiplied by the temperature itself.
    ForgetsSquare,
    /// The gradient is not divided by the temperature.
    ForgetsChain,
    /// The student teaches.
    Reverses,
    /// One divergence is taken for the other.
    SwapsDivergences,
    /// `sum q (log q - log p)` in single precision.
    CancelsDivergence,
    /// `1 - p` in single precision where `p` is close to 1.
    CancelsComplement,
    DropsUpstream,
    /// Only the first of several upstream factors is read.
    FirstFactor,
    /// The mean is over all rows, or over their number whatever their weights.
    DividesByRows,
    AlwaysStrict,
    AlwaysMasked,
    /// A gradient that is undefined is 0.
    HidesNan,
    /// A loss that is infinite is the largest finite number.
    HidesInfinity,
    ForgetsGap,
    /// What has a value for each logit is read as if there were no gaps between its rows.
    ForgetsOtherGap,
    /// The gradient is stored as another type.
    WrongElement,
    /// A bad target is taken for an ignored one.
    AcceptsTargets,
    NamesLastTarget,
    /// Options out of range are taken for the usual ones.
    AcceptsOptions,
}
use SoftmaxLossMistake as M;

impl SoftmaxLossMistake {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            M::Rows,
            M::Reduced,
            M::Denominator,
            M::Counted,
            M::Gradient,
            M::NegatesGradient,
            M::DropsSmall,
            M::DropsGamma,
            M::ForgetsPower,
            M::DropsAlpha,
            M::DropsRowWeights,
            M::DropsSmoothing,
            M::DropsTemperature,
            M::DropsSquare,
            M::ForgetsSquare,
            M::ForgetsChain,
            M::Reverses,
            M::SwapsDivergences,
            M::CancelsDivergence,
            M::CancelsComplement,
            M::DropsUpstream,
            M::FirstFactor,
            M::DividesByRows,
            M::AlwaysStrict,
            M::AlwaysMasked,
            M::HidesNan,
            M::HidesInfinity,
            M::ForgetsGap,
            M::ForgetsOtherGap,
            M::WrongElement,
            M::AcceptsTargets,
            M::NamesLastTarget,
            M::AcceptsOptions,
        ];
        all.extend((0..2).map(M::Missing));
        all.extend((0..2).map(M::Unasked));
        all
    }

    fn options(self, options: &SoftmaxLoss) -> SoftmaxLoss {
        let mut changed = *options;
        let is_focal = matches!(options.function, SoftmaxFunction::Focal { .. });
        match self {
            M::DropsGamma if is_focal => changed.function = SoftmaxFunction::Focal { gamma: 0.0 },
            M::DropsSmoothing => changed.label_smoothing = 0.0,
            M::DropsTemperature => changed.temperature = 1.0,
            M::SwapsDivergences => {
                changed.function = match options.function {
                    SoftmaxFunction::KlDivergence => SoftmaxFunction::JensenShannon,
                    SoftmaxFunction::JensenShannon => SoftmaxFunction::KlDivergence,
                    other => other,
                }
            }
            M::AlwaysStrict => changed.mode = Mode::Strict,
            M::AlwaysMasked => changed.mode = Mode::Masked,
            M::AcceptsOptions if options.temperature.is_nan() || options.temperature <= 0.0 => {
                changed.temperature = 1.0;
            }
            _ => {}
        }
        changed
    }

    fn upstream(self, upstream: Upstream<'_>) -> Upstream<'_> {
        match (self, upstream) {
            (M::DropsUpstream, Upstream::Scalar(_)) => Upstream::Scalar(1.0),
            (M::FirstFactor, Upstream::PerRow(factors)) => {
                Upstream::Scalar(factors.first().copied().unwrap_or(1.0))
            }
            _ => upstream,
        }
    }

    fn weights(self, against: SoftmaxAgainst<'_>) -> SoftmaxAgainst<'_> {
        match (self, against) {
            (M::DropsAlpha, SoftmaxAgainst::Targets(targets)) => {
                SoftmaxAgainst::Targets(Targets { class_weights: None, ..targets })
            }
            (M::DropsRowWeights, SoftmaxAgainst::Targets(targets)) => {
                SoftmaxAgainst::Targets(Targets { row_weights: None, ..targets })
            }
            (M::DropsRowWeights, SoftmaxAgainst::Teacher { logits, .. }) => {
                SoftmaxAgainst::teacher(logits)
            }
            _ => against,
        }
    }

    fn spoil(
        self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        options: &SoftmaxLoss,
        out: &mut SoftmaxLossOutput,
    ) {
        let rows = logits.rows();
        let temperature = options.temperature;
        let squared = if options.function.has_teacher() { temperature * temperature } else { 1.0 };
        let mut scale = |of_loss: f32, of_gradient: f32| {
            out.loss *= of_loss;
            out.loss_rows.iter_mut().flatten().for_each(|x| *x *= of_loss);
            out.gradient.iter_mut().for_each(|it| map_values(it, |x| x * of_gradient));
        };
        match self {
            M::Rows => out.loss_rows.iter_mut().flatten().for_each(|x| *x = inexact(*x)),
            M::Reduced => out.loss *= 1.0001,
            M::Denominator => out.denominator = inexact(out.denominator),
            M::Counted => out.counted += 1,
            M::Gradient => out.gradient.iter_mut().for_each(spoil_values),
            M::NegatesGradient => out.gradient.iter_mut().for_each(|it| map_values(it, |x| -x)),
            M::DropsSmall => {
                let kept = |x: f32| if x.abs() < 1e-6 { 0.0 } else { x };
                out.gradient.iter_mut().for_each(|it| map_values(it, kept));
            }
            M::HidesNan => {
                let hidden = |x: f32| if x.is_nan() { 0.0 } else { x };
                out.gradient.iter_mut().for_each(|it| map_values(it, hidden));
            }
            M::HidesInfinity => {
                out.loss_rows.iter_mut().flatten().for_each(|x| *x = x.clamp(f32::MIN, f32::MAX));
            }
            M::DropsSquare => scale(1.0 / squared, 1.0 / squared),
            M::ForgetsSquare if options.function.has_teacher() => {
                scale(1.0 / temperature, 1.0 / temperature);
            }
            M::ForgetsChain => scale(1.0, temperature),
            M::DividesByRows if options.reduction == Reduction::Mean && rows > 0 => {
                out.loss *= out.denominator / rows as f32;
            }
            M::WrongElement => {
                let change = |gradient: &mut OwnedValues| {
                    let element = match gradient.element() {
                        Element::F32 => Element::Bf16,
                        Element::F16 | Element::Bf16 => Element::F32,
                    };
                    *gradient = OwnedValues::from_f32(gradient.clone().into_f32(), element);
                };
                out.gradient.iter_mut().for_each(change);
            }
            M::CancelsDivergence => self.cancel(logits, against, options, out, naive_divergence),
            M::CancelsComplement => self.cancel(logits, against, options, out, naive_focal),
            M::Missing(0) => out.loss_rows = None,
            M::Missing(_) => out.gradient = None,
            M::Unasked(0) => drop(out.loss_rows.get_or_insert_with(|| vec![0.0; rows])),
            M::Unasked(_) => {
                out.gradient.get_or_insert_with(|| OwnedValues::F32(Vec::new()));
            }
            _ => {}
        }
    }

    /// Losses of rows by the definition, where that is all there is to it.
    fn cancel(
        self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        options: &SoftmaxLoss,
        out: &mut SoftmaxLossOutput,
        naive: fn(&[f32], SoftmaxAgainst<'_>, usize, SoftmaxFunction) -> Option<f32>,
    ) {
        let has_weights = match against {
            SoftmaxAgainst::Targets(targets) => {
                targets.class_weights.is_some() || targets.row_weights.is_some()
            }
            SoftmaxAgainst::Teacher { row_weights, .. } => row_weights.is_some(),
        };
        if has_weights || options.temperature != 1.0 || options.label_smoothing != 0.0 {
            return;
        }
        for (row, loss) in out.loss_rows.iter_mut().flatten().enumerate() {
            let found = naive(&logits.row(row), against, row, options.function);
            *loss = found.filter(|_| loss.is_finite()).unwrap_or(*loss);
        }
    }

    fn evaluate(
        self,
        logits: Logits<'_>,
        against: SoftmaxAgainst<'_>,
        upstream: Option<Upstream<'_>>,
        options: &SoftmaxLoss,
    ) -> Result<SoftmaxLossOutput> {
        let student = read(logits, self == M::ForgetsGap, |x| x);
        let logits = student.view()?;
        let forgets_gap = self == M::ForgetsOtherGap;
        let other = match against {
            SoftmaxAgainst::Teacher { logits, .. } => Some(read(logits, forgets_gap, |x| x)),
            SoftmaxAgainst::Targets(targets) => match targets.values {
                TargetValues::Probabilities(matrix) => Some(read(matrix, forgets_gap, |x| x)),
                TargetValues::Classes(_) => None,
            },
        };
        let mut changed = self.weights(against);
        if let Some(other) = &other {
            match &mut changed {
                SoftmaxAgainst::Teacher { logits, .. } => *logits = other.view()?,
                SoftmaxAgainst::Targets(targets) => {
                    targets.values = TargetValues::Probabilities(other.view()?);
                }
            }
        }
        let upstream = upstream.map(|upstream| self.upstream(upstream));
        let asked = self.options(options);
        let result = cpu::Fast.evaluate_softmax_loss(logits, changed, upstream, &asked);
        let mut out = match (self, result) {
            (M::AcceptsTargets, Err(Error::TargetOutOfRange { .. })) => Ok(SoftmaxLossOutput {
                loss: 0.0,
                denominator: 0.0,
                counted: 0,
                loss_rows: None,
                gradient: None,
            }),
            (
                M::NamesLastTarget,
                Err(Error::TargetOutOfRange { operation, value, classes, .. }),
            ) => Err(Error::TargetOutOfRange { operation, row: logits.rows() - 1, value, classes }),
            (_, result) => result,
        }?;
        match (self, changed) {
            (M::Reverses, SoftmaxAgainst::Teacher { logits: teacher, row_weights }) => {
                let student = SoftmaxAgainst::Teacher { logits, row_weights };
                let reversed = cpu::Fast.softmax_loss(teacher, student, &asked)?;
                (out.loss, out.loss_rows) = (reversed.loss, reversed.loss_rows);
            }
            (M::ForgetsPower, _) => forget_power(logits, changed, options, &mut out),
            _ => {}
        }
        self.spoil(logits, changed, options, &mut out);
        Ok(out)
    }
}

/// A focal loss or divergence as an engine with a mistake computes it.
pub fn evaluate(
    mistake: Mistake,
    logits: Logits<'_>,
    against: SoftmaxAgainst<'_>,
    upstream: Option<Upstream<'_>>,
    options: &SoftmaxLoss,
) -> Result<SoftmaxLossOutput> {
    if let Mistake::OfSoftmaxLoss(mistake) = mistake {
        return mistake.evaluate(logits, against, upstream, options);
    }
    let mut out = cpu::Fast.evaluate_softmax_loss(logits, against, upstream, options)?;
    if mistake == Mistake::Zeros {
        out.loss = 0.0;
        out.loss_rows.iter_mut().for_each(|it| it.fill(0.0));
        out.gradient.iter_mut().for_each(|it| map_values(it, |_| 0.0));
    }
    Ok(out)
}
