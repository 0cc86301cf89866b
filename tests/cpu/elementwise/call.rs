//! A call in memory of its own, and the judgement of `cpu::Fast` by the oracle.

use super::magnitudes::{Magnitudes, magnitudes};
use crate::Noise;
use wgpu_loss::{
    Axis, Element, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, Engine, Logits, LossFunction, OwnedValues, Shape, WeightLayout, Weights,
    cpu,
};

/// An operand with a value for each element, in memory with gaps.
pub(super) struct Matrix {
    stored: OwnedValues,
    shape: Shape,
    /// As stored, in the order of a contiguous result.
    pub(super) values: Vec<f32>,
}

impl Matrix {
    pub(super) fn new(values: Vec<f32>, form: Shape, gap: usize, element: Element) -> Self {
        let together = form.classes * form.inner;
        let shape = form.with_row_stride(together + gap).with_element(element);
        let values = OwnedValues::from_f32(values, element).into_f32();
        let mut memory = vec![f32::NAN; shape.extent().expect("small")];
        for (index, &value) in values.iter().enumerate() {
            memory[index / together * shape.row_stride + index % together] = value;
        }
        Self { stored: OwnedValues::from_f32(memory, element), shape, values }
    }

    pub(super) fn view(&self) -> Logits<'_> {
        Logits::from_values(self.stored.values(), self.shape).expect("its own shape")
    }
}

/// What is given for each row, each column or each element.
pub(super) enum Extra {
    None,
    PerRow(Vec<f32>),
    PerColumn(Vec<f32>),
    PerElement(Matrix),
}

impl Extra {
    pub(super) fn weights(&self) -> Weights<'_> {
        match self {
            Self::None => Weights::None,
            Self::PerRow(values) => Weights::PerRow(values),
            Self::PerColumn(values) => Weights::PerColumn(values),
            Self::PerElement(matrix) => Weights::PerElement(matrix.view()),
        }
    }

    fn at(&self, (row, column): (usize, usize), index: usize) -> f64 {
        f64::from(match self {
            Self::None => 1.0,
            Self::PerRow(values) => values[row],
            Self::PerColumn(values) => values[column],
            Self::PerElement(matrix) => matrix.values[index],
        })
    }
}

/// One of the forms of an [`Extra`].
pub(super) const FORMS: usize = 4;

pub(super) struct Call {
    pub(super) form: Shape,
    pub(super) input: Matrix,
    pub(super) target: Option<Matrix>,
    pub(super) weights: Extra,
    pub(super) third: Extra,
    pub(super) upstream: Extra,
    pub(super) scale: f32,
    pub(super) options: ElementwiseLoss,
}

/// Inputs or targets that a function is meant for.
pub(super) fn inputs(function: &LossFunction, count: usize, noise: &mut Noise) -> Vec<f32> {
    use LossFunction::*;
    match function {
        BinaryCrossEntropyWithLogits | SigmoidFocal { .. } => noise.floats(count, -22.0, 22.0),
        BinaryCrossEntropy => noise.floats(count, 0.0, 1.0),
        Entropy | CrossEntropyOfProbabilities | KlDivergenceOfProbabilities => {
            noise.floats(count, 1e-6, 1.0)
        }
        KlDivergence { .. } => noise.floats(count, -12.0, 0.0),
        PoissonNll { log_input: false, .. } => noise.floats(count, 1e-3, 30.0),
        _ => noise.floats(count, -4.0, 4.0),
    }
}

pub(super) fn targets(function: &LossFunction, count: usize, noise: &mut Noise) -> Vec<f32> {
    use LossFunction::*;
    let one = |noise: &mut Noise| match function {
        BinaryCrossEntropyWithLogits | BinaryCrossEntropy | SigmoidFocal { .. } => {
            match noise.below(3) {
                0 => 0.0,
                1 => 1.0,
                _ => noise.float(0.0, 1.0),
            }
        }
        KlDivergence { log_target: true } => noise.float(-12.0, 0.0),
        KlDivergence { .. } | CrossEntropyOfProbabilities | KlDivergenceOfProbabilities => {
            if noise.below(5) == 0 { 0.0 } else { noise.float(0.0, 1.0) }
        }
        PoissonNll { .. } => noise.below(12) as f32 * 0.75,
        _ => noise.float(-4.0, 4.0),
    };
    (0..count).map(|_| one(noise)).collect()
}

/// Values of one of the [`FORMS`].
pub(super) fn extra(which: usize, form: Shape, values: impl FnOnce(usize) -> Vec<f32>) -> Extra {
    match which {
        0 => Extra::None,
        1 => Extra::PerRow(values(form.rows)),
        2 => Extra::PerColumn(values(form.classes)),
        _ => {
            let values = values(form.rows * form.classes);
            Extra::PerElement(Matrix::new(values, form, 3, Element::F32))
        }
    }
}

/// Which forms of weights, of what else there is, and of the upstream gradient.
pub(super) type Forms = [usize; 3];

impl Call {
    /// With gaps behind rows and element types as told.
    pub(super) fn new(
        options: ElementwiseLoss,
        form: Shape,
        [weights, third, upstream]: Forms,
        (gap, elements): (usize, [Element; 2]),
        noise: &mut Noise,
    ) -> Self {
        let function = &options.function;
        let count = form.rows * form.classes;
        let input = Matrix::new(inputs(function, count, noise), form, gap, elements[0]);
        let target = targets(function, count, noise);
        let target = function.has_target().then(|| Matrix::new(target, form, gap / 2, elements[1]));
        let weights = extra(weights, form, |count| {
            let one = |noise: &mut Noise| match noise.below(6) {
                0 => 0.0,
                _ => noise.float(0.1, 2.0),
            };
            (0..count).map(|_| one(noise)).collect()
        });
        let third = match function {
            LossFunction::GaussianNll { .. } => third.max(1),
            LossFunction::BinaryCrossEntropyWithLogits => third,
            _ => 0,
        };
        let third = extra(third, form, |count| noise.floats(count, 0.1, 3.0));
        let upstream = match (options.reduction, options.axis) {
            (ElementwiseReduction::None, _) => upstream,
            (_, Axis::EachRow) => upstream.min(1),
            (_, Axis::EachColumn) => upstream.min(1) * 2,
            (_, Axis::All) => 0,
        };
        let upstream = extra(upstream, form, |count| noise.floats(count, -2.0, 2.0));
        Self { form, input, target, weights, third, upstream, scale: 0.7, options }
    }

    pub(super) fn operands(&self) -> Elementwise<'_> {
        let target = self.target.as_ref().map(Matrix::view);
        let third = self.third.weights();
        let is_variance = matches!(self.options.function, LossFunction::GaussianNll { .. });
        let (positive, variance) = match is_variance {
            true => (Weights::None, third),
            false => (third, Weights::None),
        };
        Elementwise { target, ..Elementwise::of_input(self.input.view()) }
            .with_weights(self.weights.weights())
            .with_positive_weights(positive)
            .with_variance(variance)
    }

    pub(super) fn upstream(&self) -> ElementwiseUpstream<'_> {
        match self.upstream.weights() {
            Weights::None => ElementwiseUpstream::Scalar(self.scale),
            Weights::PerRow(factors) => ElementwiseUpstream::PerRow(factors),
            Weights::PerColumn(factors) => ElementwiseUpstream::PerColumn(factors),
            Weights::PerElement(factors) => ElementwiseUpstream::PerElement(factors),
        }
    }

    pub(super) fn run(&self, engine: &dyn Engine) -> ElementwiseOutput {
        let upstream = self.upstream();
        engine
            .elementwise_loss_with_gradient(&self.operands(), upstream, &self.options)
            .expect("a call that is allowed")
    }

    /// Row and column of an element of a contiguous result.
    fn place(&self, index: usize) -> (usize, usize) {
        let Shape { classes, inner, .. } = self.form;
        let (block, within) = (index / (classes * inner), index % (classes * inner));
        (block * inner + within % inner, within / inner)
    }

    /// Compares `Fast` with the oracle, with and without the gradient.
    #[track_caller]
    pub(super) fn check(&self) {
        let options = &self.options;
        let operands = self.operands();
        let exact =
            cpu::Oracle.elementwise_loss_f64(&operands, Some(self.upstream()), options).unwrap();
        let found = self.run(&cpu::Fast);
        let what = || format!("{options:?} of {:?}", self.form);
        let plain = cpu::Fast.elementwise_loss(&operands, options).unwrap();
        assert!(plain.gradient.is_none() && plain.variance_gradient.is_none());
        assert_eq!(plain.counts, found.counts, "{}", what());
        assert_eq!(found.counts, exact.counts, "{}", what());
        let scales = self.scales(exact.denominator.as_deref());
        let close = |what: &str, found: &[f32], exact: &[f64], scales: &[f64], element| {
            assert_eq!(found.len(), exact.len(), "{what} of {options:?}");
            for (index, (&found, &exact)) in found.iter().zip(exact).enumerate() {
                assert!(
                    is_close(found, exact, scales[index], element),
                    "{what} {index}: {found:e}, expected {exact:e}, of {:?} with {options:?}",
                    self.form
                );
            }
        };
        close("value", &found.values, &exact.values, &scales.values, Element::F32);
        close("value alone", &plain.values, &exact.values, &scales.values, Element::F32);
        assert_eq!(found.denominator.is_some(), exact.denominator.is_some());
        if let (Some(found), Some(exact)) = (&found.denominator, &exact.denominator) {
            let sizes: Vec<f64> = exact.iter().map(|x| x.abs()).collect();
            close("denominator", found, exact, &sizes, Element::F32);
        }
        let gradients = [
            (found.gradient, exact.gradient, scales.gradient),
            (found.variance_gradient, exact.variance_gradient, scales.of_variance),
        ];
        for (found, exact, scales) in gradients {
            assert_eq!(found.is_some(), exact.is_some(), "{}", what());
            if let (Some(found), Some(exact)) = (found, exact) {
                let element = found.element();
                assert_eq!(
                    element,
                    options.gradient_element.unwrap_or(self.input.view().element())
                );
                close("gradient", &found.into_f32(), &exact, &scales, element);
            }
        }
    }

    /// What errors are relative to.
    fn scales(&self, denominators: Option<&[f64]>) -> Scales {
        let Self { form, options, .. } = self;
        let is_each = options.reduction == ElementwiseReduction::None;
        let count = form.rows * form.classes;
        let results = match (is_each, options.axis) {
            (true, _) => count,
            (_, Axis::EachRow) => form.rows,
            (_, Axis::EachColumn) => form.classes,
            (_, Axis::All) => 1,
        };
        let mut scales = Scales {
            values: vec![0.0; results],
            gradient: vec![0.0; count],
            of_variance: vec![0.0; count],
        };
        for index in 0..count {
            let place = self.place(index);
            let result = match (is_each, options.axis) {
                (true, _) => index,
                (_, Axis::EachRow) => place.0,
                (_, Axis::EachColumn) => place.1,
                (_, Axis::All) => 0,
            };
            let divisor = match options.reduction {
                ElementwiseReduction::None | ElementwiseReduction::Sum => 1.0,
                ElementwiseReduction::Mean => (count / results) as f64,
                ElementwiseReduction::WeightedMean => {
                    denominators.map_or(f64::NAN, |weights| weights[result].abs())
                }
                ElementwiseReduction::BatchMean => form.rows as f64,
            };
            let smoothing = f64::from(options.label_smoothing);
            let t = self.target.as_ref().map_or(0.0, |target| f64::from(target.values[index]));
            let t = t * (1.0 - smoothing) + smoothing / 2.0;
            let x = f64::from(self.input.values[index]);
            let Magnitudes { value, derivative, of_variance } =
                magnitudes(&options.function, x, t, self.third.at(place, index));
            let weight = self.weights.at(place, index).abs();
            let factor = match &self.upstream {
                Extra::None => f64::from(self.scale).abs(),
                upstream => upstream.at(place, index).abs(),
            };
            scales.values[result] += weight * value / divisor;
            scales.gradient[index] = factor * weight * derivative / divisor;
            scales.of_variance[index] = factor * weight * of_variance / divisor;
        }
        scales
    }

    /// The form of its weights, for messages.
    pub(super) fn weight_layout(&self) -> WeightLayout {
        self.weights.weights().layout()
    }
}

struct Scales {
    values: Vec<f64>,
    gradient: Vec<f64>,
    of_variance: Vec<f64>,
}

/// Off by 2e-6 of a scale and by the rounding of the element type, or the same special value.
fn is_close(found: f32, expected: f64, scale: f64, element: Element) -> bool {
    /// Rounding to a subnormal, and what that is multiplied by.
    const LEAST: f64 = 5e-43;
    let (relative, absolute, most) = match element {
        Element::F32 => (0.0, LEAST, f64::from(f32::MAX)),
        Element::F16 => (2f64.powi(-11), 2f64.powi(-25), 65_504.0),
        Element::Bf16 => (2f64.powi(-8), 5e-41, 3.39e38),
    };
    let value = f64::from(found);
    if expected.is_nan() || expected.is_infinite() {
        return value == expected || (value.is_nan() && expected.is_nan());
    }
    if expected.abs() > most {
        return value.is_sign_positive() == (expected > 0.0) && value.abs() >= most;
    }
    let allowed = 2e-6 * scale.max(expected.abs()) + relative * expected.abs() + absolute;
    (value - expected).abs() <= allowed
}
