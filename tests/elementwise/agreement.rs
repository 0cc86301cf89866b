//! Every function in every form against the oracle.

use wgpu_loss::half::{bf16, f16};
use wgpu_loss::{
    Axis, Element, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, Engine, Float, Gpu, Logits, LossFunction, Mode, OwnedValues, Shape,
    Weights, cpu,
};
use wgpu_loss_verify::ElementwiseScale as Scale;

use crate::device;

pub const FUNCTIONS: [LossFunction; 19] = [
    LossFunction::BinaryCrossEntropyWithLogits,
    LossFunction::BinaryCrossEntropy,
    LossFunction::SigmoidFocal { alpha: Some(0.25), gamma: 2.0 },
    LossFunction::SigmoidFocal { alpha: None, gamma: 0.5 },
    LossFunction::SigmoidFocal { alpha: Some(0.6), gamma: 3.7 },
    LossFunction::SigmoidFocal { alpha: None, gamma: 0.0 },
    LossFunction::KlDivergence { log_target: false },
    LossFunction::KlDivergence { log_target: true },
    LossFunction::SquaredError,
    LossFunction::AbsoluteError,
    LossFunction::Huber { delta: 0.7 },
    LossFunction::PoissonNll { log_input: true, full: false, epsilon: 1e-8 },
    LossFunction::PoissonNll { log_input: true, full: true, epsilon: 1e-8 },
    LossFunction::PoissonNll { log_input: false, full: true, epsilon: 1e-8 },
    LossFunction::GaussianNll { full: false, epsilon: 1e-6 },
    LossFunction::GaussianNll { full: true, epsilon: 0.25 },
    LossFunction::Entropy,
    LossFunction::CrossEntropyOfProbabilities,
    LossFunction::KlDivergenceOfProbabilities,
];

/// Steele and Vigna's SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Values shaped somehow, in memory of their own.
pub struct Matrix {
    values: OwnedValues,
    shape: Shape,
}

impl Matrix {
    pub fn new(shape: Shape, mut value: impl FnMut() -> f32) -> Self {
        let extent = shape.extent().expect("small");
        let values: Vec<f32> = (0..extent).map(|_| value()).collect();
        Self { values: OwnedValues::from_f32(values, shape.element), shape }
    }

    pub fn view(&self) -> Logits<'_> {
        Logits::from_values(self.values.values(), self.shape).expect("a shape")
    }
}

/// An input as the function wants it, from far below to far above.
fn input(function: &LossFunction, random: &mut Random) -> f32 {
    let unit = random.unit();
    let far = [1.0, 1.0, 1.0, 5.0, 20.0][random.below(5)];
    match function {
        LossFunction::BinaryCrossEntropy => [unit, unit, 0.0, 1.0, unit * 1e-6][random.below(5)],
        LossFunction::Entropy
        | LossFunction::CrossEntropyOfProbabilities
        | LossFunction::KlDivergenceOfProbabilities => {
            [unit, unit, unit, unit * 1e-6][random.below(4)].max(1e-30)
        }
        LossFunction::PoissonNll { log_input: false, .. } => unit * far * 3.0,
        LossFunction::KlDivergence { .. } => -8.0 * unit,
        _ => (2.0 * unit - 1.0) * far * 3.0,
    }
}

fn target(function: &LossFunction, random: &mut Random) -> f32 {
    let unit = random.unit();
    if function.is_binary() {
        return [0.0, 1.0, unit, 0.0, 1.0][random.below(5)];
    }
    match function {
        LossFunction::KlDivergence { log_target: true } => -8.0 * unit,
        LossFunction::KlDivergence { log_target: false }
        | LossFunction::CrossEntropyOfProbabilities
        | LossFunction::KlDivergenceOfProbabilities => [unit, unit, 0.0][random.below(3)],
        LossFunction::PoissonNll { .. } => (unit * 6.0).floor(),
        _ => (2.0 * unit - 1.0) * 3.0,
    }
}

/// One call with everything that it is computed from.
pub struct Problem {
    pub options: ElementwiseLoss,
    pub shape: Shape,
    input: Matrix,
    target: Option<Matrix>,
    pub weights: Numbers,
    pub positive_weights: Numbers,
    variance: Numbers,
    pub upstream: Option<(f32, Numbers)>,
}

/// Numbers of some form.
pub enum Numbers {
    None,
    PerRow(Vec<f32>),
    PerColumn(Vec<f32>),
    PerElement(Matrix),
}

impl Numbers {
    pub fn new(
        form: usize,
        shape: Shape,
        random: &mut Random,
        value: fn(&mut Random) -> f32,
    ) -> Self {
        let mut some = |count: usize| (0..count).map(|_| value(random)).collect();
        match form {
            0 => Self::None,
            1 => Self::PerRow(some(shape.rows)),
            2 => Self::PerColumn(some(shape.classes)),
            _ => {
                let shape = other_shape(shape, random);
                Self::PerElement(Matrix::new(shape, || value(random)))
            }
        }
    }

    fn weights(&self) -> Weights<'_> {
        match self {
            Self::None => Weights::None,
            Self::PerRow(values) => Weights::PerRow(values),
            Self::PerColumn(values) => Weights::PerColumn(values),
            Self::PerElement(matrix) => Weights::PerElement(matrix.view()),
        }
    }
}

fn other_shape(shape: Shape, random: &mut Random) -> Shape {
    let contiguous = shape.contiguous();
    let gap = random.of(&[0, 0, 1, 4]);
    contiguous.with_row_stride(contiguous.row_stride + gap).with_element(random.of(&Element::ALL))
}

fn weight(random: &mut Random) -> f32 {
    random.of(&[0.0, 0.5, 1.0, 2.0, 1.5, 0.25])
}

impl Problem {
    pub fn random(function: LossFunction, random: &mut Random) -> Self {
        let (rows, classes) = random.of(&[
            (1, 1),
            (1, 7),
            (5, 1),
            (3, 4),
            (7, 5),
            (2, 64),
            (1, 1000),
            (33, 17),
            (4, 259),
            (300, 1),
            (64, 8),
        ]);
        let shape = match random.below(4) {
            0 if rows % 3 == 0 => Shape::with_class_axis(rows / 3, classes, 3),
            1 => Shape::new(rows, classes).with_row_stride(classes + 3),
            _ => Shape::new(rows, classes),
        };
        let shape = shape.with_element(random.of(&[
            Element::F32,
            Element::F32,
            Element::F16,
            Element::Bf16,
        ]));
        let reduction = random.of(&[
            ElementwiseReduction::None,
            ElementwiseReduction::Sum,
            ElementwiseReduction::Mean,
            ElementwiseReduction::WeightedMean,
            ElementwiseReduction::BatchMean,
        ]);
        let axis = match reduction {
            ElementwiseReduction::BatchMean => Axis::All,
            _ => random.of(&[Axis::All, Axis::EachRow, Axis::EachColumn]),
        };
        let is_binary = function.is_binary();
        let options = ElementwiseLoss {
            reduction,
            axis,
            label_smoothing: if is_binary { random.of(&[0.0, 0.0, 0.1]) } else { 0.0 },
            mode: random.of(&[Mode::Strict, Mode::Masked]),
            threshold: if is_binary { random.of(&[None, Some(0.25)]) } else { None },
            gradient_element: random.of(&[None, None, Some(Element::F32), Some(Element::F16)]),
            ..ElementwiseLoss::new(function)
        };
        let upstream_forms: &[usize] = match (reduction, axis) {
            (ElementwiseReduction::None, _) => &[0, 1, 2, 3],
            (_, Axis::EachRow) => &[0, 1],
            (_, Axis::EachColumn) => &[0, 2],
            (_, Axis::All) => &[0],
        };
        let upstream = (random.below(4) > 0).then(|| {
            let form = random.of(upstream_forms);
            (
                random.of(&[0.5, -2.0, 3.0]),
                Numbers::new(form, shape, random, |random| 4.0 * random.unit() - 2.0),
            )
        });
        Self { upstream, ..Self::of_options(shape, options, random) }
    }

    /// Random operands, without an upstream gradient.
    pub fn of_options(shape: Shape, options: ElementwiseLoss, random: &mut Random) -> Self {
        let function = options.function;
        let with_target = |random: &mut Random| {
            let shape = other_shape(shape, random);
            Matrix::new(shape, || target(&function, random))
        };
        let positive = function == LossFunction::BinaryCrossEntropyWithLogits;
        let variance = matches!(function, LossFunction::GaussianNll { .. });
        Self {
            input: Matrix::new(shape, || input(&function, random)),
            target: function.has_target().then(|| with_target(random)),
            weights: Numbers::new(random.below(4), shape, random, weight),
            positive_weights: Numbers::new(
                if positive { random.below(4) } else { 0 },
                shape,
                random,
                |random| 0.25 + 3.0 * random.unit(),
            ),
            variance: Numbers::new(
                if variance { 1 + random.below(3) } else { 0 },
                shape,
                random,
                |random| 0.05 + 2.0 * random.unit(),
            ),
            upstream: None,
            options,
            shape,
        }
    }

    pub fn operands(&self) -> Elementwise<'_> {
        Elementwise {
            input: self.input.view(),
            target: self.target.as_ref().map(Matrix::view),
            weights: self.weights.weights(),
            positive_weights: self.positive_weights.weights(),
            variance: self.variance.weights(),
        }
    }

    pub fn upstream(&self) -> Option<ElementwiseUpstream<'_>> {
        let (scalar, numbers) = self.upstream.as_ref()?;
        Some(match numbers {
            Numbers::None => ElementwiseUpstream::Scalar(*scalar),
            Numbers::PerRow(values) => ElementwiseUpstream::PerRow(values),
            Numbers::PerColumn(values) => ElementwiseUpstream::PerColumn(values),
            Numbers::PerElement(matrix) => ElementwiseUpstream::PerElement(matrix.view()),
        })
    }

    /// What is wrong with an engine's answer.
    pub fn check(&self, engine: &dyn Engine) -> Result<(), String> {
        let operands = self.operands();
        let exact = cpu::Oracle
            .elementwise_loss_f64(&operands, self.upstream(), &self.options)
            .map_err(|error| format!("oracle: {error}"))?;
        let found = engine
            .evaluate_elementwise(&operands, self.upstream(), &self.options)
            .map_err(|error| format!("{}: {error}", engine.name()))?;
        self.compare(&exact, &found)
    }

    /// What is wrong with an answer.
    pub fn compare(
        &self,
        exact: &ElementwiseOutput<f64, Vec<f64>>,
        found: &ElementwiseOutput,
    ) -> Result<(), String> {
        let scales = Scales::new(self);
        near("value", &exact.values, &found.values, &scales.values, None)?;
        if let (Some(exact), Some(found)) = (&exact.denominator, &found.denominator) {
            near("denominator", exact, found, &vec![0.0; exact.len()], None)?;
        }
        if exact.denominator.is_some() != found.denominator.is_some()
            || exact.counts != found.counts
        {
            return Err(format!(
                "{:?} {:?} for {:?}",
                found.denominator, found.counts, exact.counts
            ));
        }
        let gradients = [
            ("gradient", &exact.gradient, &found.gradient, &scales.gradient),
            (
                "variance gradient",
                &exact.variance_gradient,
                &found.variance_gradient,
                &scales.of_variance,
            ),
        ];
        for (what, exact, found, scale) in gradients {
            match (exact, found) {
                (None, None) => {}
                (Some(exact), Some(found)) => {
                    let element = self.options.gradient_element.unwrap_or(self.shape.element);
                    if found.element() != element {
                        return Err(format!("{what}: {:?}", found.element()));
                    }
                    near(what, exact, &found.clone().into_f32(), scale, Some(element))?;
                }
                _ => return Err(format!("{what}: {} for {}", found.is_some(), exact.is_some())),
            }
        }
        Ok(())
    }
}

/// The size of the terms of everything that is returned.
struct Scales {
    values: Vec<f64>,
    gradient: Vec<f64>,
    of_variance: Vec<f64>,
}

impl Scales {
    /// The oracle's own sum of the elements' scales.
    fn new(problem: &Problem) -> Self {
        let Problem { shape, options, .. } = problem;
        let operands = problem.operands();
        let number = |weights: Weights<'_>, row: usize, column: usize| -> f64 {
            match weights {
                Weights::None => 1.0,
                Weights::PerRow(values) => values[row].into(),
                Weights::PerColumn(values) => values[column].into(),
                Weights::PerElement(matrix) => matrix.row(row)[column].into(),
            }
        };
        let is_unreduced = options.reduction == ElementwiseReduction::None;
        let results = match (is_unreduced, options.axis) {
            (true, _) => shape.rows * shape.classes,
            (_, Axis::EachRow) => shape.rows,
            (_, Axis::EachColumn) => shape.classes,
            (_, Axis::All) => 1,
        };
        let contiguous = shape.contiguous();
        let (mut values, mut weights) = (vec![0.0; results], vec![0.0; results]);
        let mut counts = vec![0.0; results];
        let mut places = Vec::new();
        for row in 0..shape.rows {
            for column in 0..shape.classes {
                let place = contiguous.start_of(row) + column * contiguous.inner;
                let result = match (is_unreduced, options.axis) {
                    (true, _) => place,
                    (_, Axis::EachRow) => row,
                    (_, Axis::EachColumn) => column,
                    (_, Axis::All) => 0,
                };
                let x = f64::from(operands.input.row(row)[column]);
                let t = operands.target.map_or(0.0, |target| f64::from(target.row(row)[column]));
                let smoothing = f64::from(options.label_smoothing);
                let t = t * (1.0 - smoothing) + smoothing / 2.0;
                let third = match problem.options.function {
                    LossFunction::GaussianNll { .. } => operands.variance,
                    _ => operands.positive_weights,
                };
                let of = Scale::of(&options.function, x, t, number(third, row, column));
                let weight = number(operands.weights, row, column).abs();
                values[result] += weight * of.value;
                weights[result] += weight;
                counts[result] += 1.0;
                let upstream = problem.upstream();
                let factor = match upstream {
                    Some(ElementwiseUpstream::Scalar(factor)) => f64::from(factor),
                    Some(ElementwiseUpstream::PerRow(factors)) => {
                        number(Weights::PerRow(factors), row, column)
                    }
                    Some(ElementwiseUpstream::PerColumn(factors)) => {
                        number(Weights::PerColumn(factors), row, column)
                    }
                    Some(ElementwiseUpstream::PerElement(factors)) => {
                        number(Weights::PerElement(factors), row, column)
                    }
                    None => 0.0,
                };
                places.push((place, result, weight * factor.abs(), of));
            }
        }
        let divisor = |result: usize| match options.reduction {
            ElementwiseReduction::None | ElementwiseReduction::Sum => 1.0,
            ElementwiseReduction::Mean => counts[result],
            ElementwiseReduction::WeightedMean => weights[result],
            ElementwiseReduction::BatchMean => shape.rows as f64,
        };
        let mut gradient = vec![0.0; places.len()];
        let mut of_variance = vec![0.0; places.len()];
        for &(place, result, factor, Scale { derivative, of_variance: of, .. }) in &places {
            gradient[place] = factor * derivative / divisor(result);
            of_variance[place] = factor * of / divisor(result);
        }
        for (result, value) in values.iter_mut().enumerate() {
            *value /= divisor(result);
        }
        Self { values, gradient, of_variance }
    }
}

/// The distance from a number to the next of its type.
fn unit_of(element: Element, value: f64) -> f64 {
    let (digits, least) = match element {
        Element::F32 => (24, -149),
        Element::F16 => (11, -24),
        Element::Bf16 => (8, -133),
    };
    let exponent = value.abs().log2().floor() as i32;
    2f64.powi((exponent - digits + 1).max(least))
}

/// Compares; `stored`: the element type that the numbers were rounded to.
pub fn near(
    what: &str,
    exact: &[f64],
    found: &[f32],
    scale: &[f64],
    stored: Option<Element>,
) -> Result<(), String> {
    if exact.len() != found.len() {
        return Err(format!("{what}: {} for {}", found.len(), exact.len()));
    }
    for (at, ((&exact, &found), &scale)) in exact.iter().zip(found).zip(scale).enumerate() {
        let as_stored = match stored {
            Some(Element::F16) => f16::from_f64(exact).widen(),
            Some(Element::Bf16) => bf16::from_f64(exact).widen(),
            Some(Element::F32) | None => exact as f32,
        };
        let is_same = as_stored == found || (as_stored.is_nan() && found.is_nan());
        let unit = stored.filter(|&element| element != Element::F32 && exact != 0.0);
        let unit = unit.map_or(0.0, |element| unit_of(element, exact));
        let allowed = 2e-6 * scale.max(exact.abs()) + unit + 1e-37;
        let error = (f64::from(found) - exact).abs();
        let is_near = error <= allowed; // never of NaN
        if !is_same && !is_near {
            return Err(format!(
                "{what} {at}: {found} for {exact}, {:.1e} of {scale}",
                error / scale
            ));
        }
    }
    Ok(())
}

fn check_all(gpu: &Gpu, seed: u64, rounds: usize) {
    let mut random = Random(seed);
    for function in FUNCTIONS {
        for round in 0..rounds {
            let before = random.0;
            let problem = Problem::random(function, &mut random);
            if let Err(error) = problem.check(gpu) {
                panic!(
                    "{function:?} round {round} seed {before:#x}: {error}\n{:?} {:?} upstream {:?}",
                    problem.options,
                    problem.operands().layout(),
                    problem.upstream().map(|upstream| upstream.layout())
                );
            }
        }
    }
}

/// How many random calls of each function are made; each compiles kernels of its own.
const ROUNDS: &str = "WGPU_LOSS_ROUNDS";

#[test]
fn random_calls_agree_with_the_oracle() {
    let rounds = std::env::var(ROUNDS).ok().map(|rounds| rounds.parse().expect(ROUNDS));
    check_all(&device::new_gpu(), 1, rounds.unwrap_or(2));
}
