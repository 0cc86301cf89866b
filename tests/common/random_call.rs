//! Random calls for property tests of any engine: every loss and softmax, every option, type and
//! layout.

use proptest::prelude::*;
use wgpu_loss::{
    CrossEntropy, Element, Engine, Input, LogSumExp, Mode, OwnedValues, Reduction, RowOutputs,
    Shape, Softmax,
};
use wgpu_loss_verify::{Call, Matrix, Operation, OwnedTargets, OwnedUpstream};

/// One call; shrinks to the plainest operation, few rows, few classes and plain numbers.
#[derive(Clone)]
pub struct RandomCall(pub Call);

impl std::fmt::Debug for RandomCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl RandomCall {
    /// Compares an engine's results with the oracle's.
    pub fn check(&self, engine: &dyn Engine) -> Result<(), TestCaseError> {
        let result = self.0.check(engine);
        prop_assert!(result.passed(), "{}: {}", engine.name(), result.failure.unwrap_or_default());
        prop_assert!(!result.refused, "refused by the oracle too: not a call to draw");
        Ok(())
    }
}

/// What is called, before its options are made consistent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Classes,
    Probabilities,
    LogProbabilities,
    LogSumExp,
    Softmax,
}

/// Everything but numbers.
#[derive(Clone, Debug)]
struct Form {
    kind: Kind,
    options: CrossEntropy,
    parts: usize,
    log: bool,
    shape: Shape,
    /// Type and gap of probabilities, or of an upstream matrix.
    other: (Element, usize),
    /// `i32`, `i64`, `u32`, `u8`.
    integer: usize,
    class_weights: bool,
    row_weights: bool,
    gradient: bool,
    /// Whether there are special values.
    special: bool,
}

impl Form {
    /// Whether nothing but log-sum-exps and losses is made of the logits: then even the largest
    /// ones overflow nowhere on the way.
    fn is_plain(&self) -> bool {
        let usual = CrossEntropy {
            label_smoothing: self.options.label_smoothing,
            z_loss: self.options.z_loss,
            logit_scale: self.options.logit_scale,
            softcap: self.options.softcap,
            ..CrossEntropy::default()
        };
        let cross_entropy = usual == CrossEntropy::default()
            && self.kind == Kind::Classes
            && !(self.class_weights || self.row_weights);
        matches!(self.kind, Kind::LogSumExp | Kind::Softmax) || cross_entropy
    }

    /// Without what would be refused.
    fn consistent(mut self) -> Self {
        let options = &mut self.options;
        options.top_k = options.top_k.min(self.shape.classes as u32);
        if self.parts > 0 {
            (options.rows.target_rank, options.top_k) = (false, 1);
        }
        match self.kind {
            Kind::Classes | Kind::LogSumExp | Kind::Softmax => {}
            Kind::Probabilities => {
                options.ignore_index = options.ignore_index.and(Some(-100));
                options.rows.target_log_probability = false;
                options.rows.target_rank = false;
                options.correct = false;
            }
            Kind::LogProbabilities => {
                self.parts = 0;
                let RowOutputs { loss, target_log_probability, z_loss, .. } = options.rows;
                let rows =
                    RowOutputs { loss, target_log_probability, z_loss, ..RowOutputs::default() };
                *options = CrossEntropy {
                    input: Input::LogProbabilities,
                    reduction: options.reduction,
                    ignore_index: options.ignore_index,
                    mode: options.mode,
                    gradient_element: options.gradient_element,
                    rows,
                    ..CrossEntropy::default()
                };
            }
        }
        self
    }

    fn operation(&self) -> Operation {
        let element = self.options.gradient_element;
        match (self.kind, self.parts) {
            (Kind::LogSumExp, _) => Operation::LogSumExp(LogSumExp { gradient_element: element }),
            (Kind::Softmax, _) => Operation::Softmax(Softmax { log: self.log, element }),
            (_, 0) => Operation::CrossEntropy(self.options),
            (_, parts) => Operation::MergedParts { options: self.options, parts },
        }
    }

    /// The shape of another matrix.
    fn other_shape(&self) -> Shape {
        let (element, gap) = self.other;
        let shape = self.shape.contiguous();
        shape.with_row_stride(shape.row_stride + gap).with_element(element)
    }
}

/// Puts values where they belong and NaN everywhere else.
pub fn matrix(values: &[f32], shape: Shape) -> Matrix {
    let mut stored = vec![f32::NAN; shape.extent().expect("a small shape")];
    for row in 0..shape.rows {
        for class in 0..shape.classes {
            let at = shape.start_of(row) + class * shape.inner;
            stored[at] = values[row * shape.classes + class];
        }
    }
    Matrix { values: OwnedValues::from_f32(stored, shape.element), shape }
}

/// Logits of every size, off any grid, with special values in some rows.
pub fn logit(special: bool, plain: bool, element: Element) -> impl Strategy<Value = f32> {
    let ordinary = prop_oneof![
        1 => Just(0.0f32),
        1 => Just(3.25),
        8 => -5f32..5.0,
        2 => -120f32..120.0,
    ];
    // Where weights and options multiply logits, the largest are not so large as to overflow.
    let largest = match (element, plain) {
        (Element::F16, _) => 65504.0,
        (Element::F32, true) => f32::MAX,
        (Element::Bf16, true) => 3.389_531_4e38,
        (_, false) => 1e18,
    };
    let rare = prop_oneof![
        4 => Just(f32::NEG_INFINITY),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NAN),
        1 => Just(-f32::NAN),
        1 => Just(largest),
        1 => Just(-largest),
        1 => Just(1e-40f32),
        1 => Just(-0.0),
        1 => Just(1e-7),
    ];
    prop_oneof![
        30 => ordinary,
        if special { 1 } else { 0 } => rare,
    ]
}

/// Multiples of 1/16, so that engines agree on which sums of theirs are 0.
pub fn weight() -> impl Strategy<Value = f32> {
    prop_oneof![1 => Just(1.0), 1 => Just(0.0), 3 => (-32i8..=32).prop_map(|it| f32::from(it) / 16.0)]
}

fn probability() -> impl Strategy<Value = f32> {
    prop_oneof![2 => Just(0.0), 1 => Just(1.0), 3 => 0f32..1.0, 1 => -2f32..2.0]
}

pub fn element() -> impl Strategy<Value = Element> {
    prop_oneof![Just(Element::F32), Just(Element::F16), Just(Element::Bf16)]
}

pub fn shape() -> impl Strategy<Value = Shape> {
    let classes = prop_oneof![1usize..4, 1usize..40, 240usize..280, 1usize..700];
    let inner = prop_oneof![3 => Just(1usize), 1 => 2usize..5];
    let gap = prop_oneof![1 => Just(0usize), 1 => 0usize..5];
    (0usize..6, classes, inner, gap, element()).prop_map(|(outer, classes, inner, gap, element)| {
        let shape = Shape::with_class_axis(outer, classes, inner).with_element(element);
        shape.with_row_stride(shape.row_stride + gap)
    })
}

fn options() -> impl Strategy<Value = CrossEntropy> {
    let numbers = (
        prop_oneof![3 => Just(0.0f32), 1 => Just(1.0), 2 => 0f32..1.0],
        prop_oneof![2 => Just(0.0f32), 1 => -0.5f32..0.5],
        prop_oneof![3 => Just(1.0f32), 1 => Just(0.0), 3 => -2f32..2.0],
        prop_oneof![2 => Just(None), 1 => (0.5f32..50.0).prop_map(Some)],
    );
    let choices = (
        prop_oneof![
            Just(Reduction::Mean),
            Just(Reduction::Sum),
            Just(Reduction::None),
            Just(Reduction::BatchMean),
            Just(Reduction::ElementMean)
        ],
        prop_oneof![Just(Some(-100)), Just(None), Just(Some(0)), Just(Some(250))],
        prop_oneof![Just(Mode::Strict), Just(Mode::Masked)],
        any::<[bool; 8]>(),
        prop_oneof![2 => Just(1u32), 1 => 2u32..4],
        prop_oneof![1 => Just(None), 1 => element().prop_map(Some)],
    );
    (numbers, choices).prop_map(|(numbers, choices)| {
        let (reduction, ignore_index, mode, wanted, top_k, element) = choices;
        let (label_smoothing, z_loss, logit_scale, softcap) = numbers;
        let [loss, log_sum_exp, target_log_probability, entropy, argmax, target_rank, ..] = wanted;
        let [.., z_loss_rows, correct] = wanted;
        CrossEntropy {
            reduction,
            ignore_index,
            label_smoothing,
            z_loss,
            logit_scale,
            softcap,
            input: Input::Logits,
            mode,
            rows: RowOutputs {
                loss,
                log_sum_exp,
                target_log_probability,
                entropy,
                argmax,
                target_rank,
                z_loss: z_loss_rows,
            },
            correct,
            top_k,
            gradient_element: element,
        }
    })
}

fn form() -> impl Strategy<Value = Form> {
    let kind = prop_oneof![
        4 => Just(Kind::Classes),
        2 => Just(Kind::Probabilities),
        1 => Just(Kind::LogProbabilities),
        1 => Just(Kind::LogSumExp),
        2 => Just(Kind::Softmax),
    ];
    let parts = prop_oneof![3 => Just(0usize), 1 => 1usize..4];
    let other = (element(), 0usize..3);
    (kind, options(), shape(), parts, other, 0usize..4, any::<[bool; 5]>()).prop_map(
        |(kind, options, shape, parts, other, integer, flags)| {
            let [log, class_weights, row_weights, gradient, special] = flags;
            let form = Form {
                kind,
                options,
                parts,
                log,
                shape,
                other,
                integer,
                class_weights,
                row_weights,
                gradient,
                special,
            };
            form.consistent()
        },
    )
}

/// The classes as another type, with the ignored rows among them where the type can hold that.
fn typed(classes: &[(usize, bool)], form: &Form) -> OwnedTargets {
    fn converted<T: TryFrom<i64>>(targets: impl Iterator<Item = (i64, i64)>) -> Vec<T> {
        let convert = |(target, class)| T::try_from(target).or_else(|_| T::try_from(class)).ok();
        targets.map(|pair| convert(pair).expect("a class of the type")).collect()
    }
    let targets = classes.iter().map(|&(class, is_ignored)| {
        let class = class as i64;
        let ignored = form.options.ignore_index.filter(|_| is_ignored).map(i64::from);
        (ignored.unwrap_or(class), class)
    });
    match form.integer {
        0 => OwnedTargets::I32(converted(targets)),
        1 => OwnedTargets::I64(converted(targets)),
        2 => OwnedTargets::U32(converted(targets)),
        _ => OwnedTargets::U8(converted(targets)),
    }
}

/// Any operation, options, shape, layout, types and special values.
pub fn call() -> impl Strategy<Value = RandomCall> {
    form().prop_flat_map(|form| {
        let Shape { rows, classes, element, .. } = form.shape;
        let elements = rows * classes;
        let most = if form.integer == 3 { classes.min(250) } else { classes };
        let logits = prop::collection::vec(logit(form.special, form.is_plain(), element), elements);
        // Probabilities, or factors of softmax: what is not needed is not drawn.
        let needed = |is_needed: bool| if is_needed { elements } else { 0 };
        let probabilities =
            prop::collection::vec(probability(), needed(form.kind == Kind::Probabilities));
        let upstream = prop::collection::vec(-3f32..3.0, needed(form.kind == Kind::Softmax));
        let targets = prop::collection::vec((0..most, any::<bool>()), rows);
        let weights =
            (prop::collection::vec(weight(), classes), prop::collection::vec(weight(), rows));
        let factors = prop::collection::vec(-3f32..3.0, rows);
        let numbers = (logits, probabilities, upstream, targets, weights, factors, -3f32..3.0);
        numbers.prop_map(
            move |(logits, probabilities, upstream, targets, weights, factors, scalar)| {
                let is_cross_entropy = !matches!(form.kind, Kind::LogSumExp | Kind::Softmax);
                let per_row =
                    form.kind == Kind::LogSumExp || form.options.reduction == Reduction::None;
                let upstream = match (form.gradient, form.kind) {
                    (false, _) => OwnedUpstream::None,
                    (true, Kind::Softmax) => {
                        OwnedUpstream::Matrix(matrix(&upstream, form.other_shape()))
                    }
                    (true, _) if per_row => OwnedUpstream::PerRow(factors),
                    (true, _) => OwnedUpstream::Scalar(scalar),
                };
                let targets = match form.kind {
                    Kind::Probabilities => {
                        OwnedTargets::Probabilities(matrix(&probabilities, form.other_shape()))
                    }
                    _ => typed(&targets, &form),
                };
                RandomCall(Call {
                    operation: form.operation(),
                    logits: matrix(&logits, form.shape),
                    targets,
                    class_weights: (form.class_weights && is_cross_entropy).then_some(weights.0),
                    row_weights: (form.row_weights && is_cross_entropy).then_some(weights.1),
                    element_weights: None,
                    third: None,
                    segments: None,
                    upstream,
                })
            },
        )
    })
}
