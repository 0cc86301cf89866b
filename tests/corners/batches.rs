//! Corner cases of a whole batch: nothing in it counts, there is nothing in it, or a single class.

use wgpu_loss::{
    CrossEntropy, Element, Engine, Input, Mode, Reduction, RowOutputs, Targets, Upstream,
};

use super::expect::Is;
use super::plan::Extent;
use super::widen::{Layout, Placed};

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;
const NEG: f32 = f32::NEG_INFINITY;

/// Classes of short, middling and long rows.
const CLASSES: [usize; 4] = [3, 100, 5000, 40_000];

/// Rows of which none is like those of the table, and what comes of them.
struct Batch {
    name: &'static str,
    /// The first three logits of each row, all others being 0, with the target and its row weight.
    rows: &'static [([f32; 3], i64, f32)],
    /// The weight of classes 0 to 2 and of all others.
    class_weight: Option<f32>,
    input: Input,
    outcomes: [Outcome; 2],
}

/// In strict, and in masked mode: the mean, the sum, the denominator, and the gradients of each row
/// for the mean and for sum and none.
struct Outcome {
    mean: Is,
    sum: Is,
    denominator: f64,
    gradients: &'static [(Is, Is)],
}

const ORDINARY: [f32; 3] = [0.5, 0.0, -1.0];
const NOTHING: (Is, Is) = (Is::Zero, Is::Zero);
const UNDEFINED: (Is, Is) = (Is::Nan, Is::Nan);

const BATCHES: &[Batch] = &[
    Batch {
        name: "every row ignored",
        rows: &[(ORDINARY, -100, 1.0), (ORDINARY, -100, 1.0)],
        class_weight: None,
        input: Input::Logits,
        outcomes: [
            Outcome { mean: Is::Nan, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
            Outcome { mean: Is::Zero, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
        ],
    },
    Batch {
        name: "every row ignored, some undefined",
        rows: &[
            (ORDINARY, -100, 1.0),
            ([NAN, 0.0, 0.0], -100, 1.0),
            ([0.0, INF, 0.0], -100, 1.0),
            ([NEG, 0.0, 0.0], -100, 1.0),
        ],
        class_weight: None,
        input: Input::Logits,
        outcomes: [
            Outcome {
                mean: Is::Nan,
                sum: Is::Zero,
                denominator: 0.0,
                gradients: &[NOTHING, UNDEFINED, UNDEFINED, NOTHING],
            },
            Outcome { mean: Is::Zero, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 4] },
        ],
    },
    Batch {
        name: "every target of weight 0",
        rows: &[(ORDINARY, 0, 1.0), (ORDINARY, -100, 1.0)],
        class_weight: Some(0.0),
        input: Input::Logits,
        outcomes: [
            Outcome {
                mean: Is::Nan,
                sum: Is::Zero,
                denominator: 0.0,
                gradients: &[(Is::Nan, Is::Zero), NOTHING],
            },
            Outcome { mean: Is::Zero, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
        ],
    },
    Batch {
        name: "every target of weight 0, one of them -inf",
        rows: &[(ORDINARY, 0, 1.0), ([NEG, 0.0, 0.0], 0, 1.0)],
        class_weight: Some(0.0),
        input: Input::Logits,
        outcomes: [
            Outcome {
                mean: Is::Nan,
                sum: Is::Nan,
                denominator: 0.0,
                gradients: &[(Is::Nan, Is::Zero); 2],
            },
            Outcome { mean: Is::Zero, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
        ],
    },
    Batch {
        name: "every row of weight 0, one of them NaN",
        rows: &[(ORDINARY, 0, 0.0), ([NAN, 0.0, 0.0], 1, 0.0)],
        class_weight: None,
        input: Input::Logits,
        outcomes: [
            Outcome {
                mean: Is::Nan,
                sum: Is::Nan,
                denominator: 0.0,
                gradients: &[(Is::Nan, Is::Zero), UNDEFINED],
            },
            Outcome { mean: Is::Zero, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
        ],
    },
    Batch {
        name: "log-probabilities, every row ignored, some undefined",
        rows: &[(ORDINARY, -100, 1.0), ([NAN, NEG, INF], -100, 1.0)],
        class_weight: None,
        input: Input::LogProbabilities,
        outcomes: [
            Outcome { mean: Is::Nan, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
            Outcome { mean: Is::Zero, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
        ],
    },
    Batch {
        name: "log-probabilities, every target of weight 0",
        rows: &[(ORDINARY, 0, 1.0), (ORDINARY, -100, 1.0)],
        class_weight: Some(0.0),
        input: Input::LogProbabilities,
        outcomes: [
            Outcome {
                mean: Is::Nan,
                sum: Is::Zero,
                denominator: 0.0,
                gradients: &[(Is::Nan, Is::Zero), NOTHING],
            },
            Outcome { mean: Is::Zero, sum: Is::Zero, denominator: 0.0, gradients: &[NOTHING; 2] },
        ],
    },
];

/// Every batch of the table, and those that are empty or of a single class.
pub fn check(engine: &dyn Engine, extent: Extent) {
    let mut turn = 0;
    for batch in BATCHES {
        for classes in CLASSES {
            for (l, layout) in Layout::ALL.into_iter().enumerate() {
                for (e, element) in Element::ALL.into_iter().enumerate() {
                    // On devices layouts and element types take turns.
                    let is_due = l == turn % Layout::ALL.len() && e == turn % Element::ALL.len();
                    if !extent.takes_turns() || (is_due && !extent.leaves_out(turn)) {
                        batch.check(engine, classes, layout, element);
                    }
                }
            }
            turn += 1;
        }
    }
    for mode in [Mode::Strict, Mode::Masked] {
        empty(engine, mode);
        one_class(engine, mode);
    }
}

impl Batch {
    fn check(&self, engine: &dyn Engine, classes: usize, layout: Layout, element: Element) {
        let shape = layout.shape(self.rows.len(), classes);
        let rows: Vec<_> = self.rows.iter().map(|(logits, ..)| (*logits, 0.0)).collect();
        let logits = Placed::new(&rows, [0, 1, 2], shape, element);
        let indices: Vec<_> = self.rows.iter().map(|&(_, target, _)| target).collect();
        let row_weights: Vec<_> = self.rows.iter().map(|&(.., weight)| weight).collect();
        let class_weights = self.class_weight.map(|weight| vec![weight; classes]);
        let targets = Targets {
            class_weights: class_weights.as_deref(),
            row_weights: row_weights.contains(&0.0).then_some(&row_weights),
            ..Targets::classes(&indices)
        };
        for (mode, outcome) in [Mode::Strict, Mode::Masked].into_iter().zip(&self.outcomes) {
            for reduction in
                [Reduction::Mean, Reduction::Sum, Reduction::None, Reduction::BatchMean]
            {
                let what = format!(
                    "{}: {}, {mode:?}, {reduction:?}, {classes} classes, {layout:?}, {element:?}",
                    engine.name(),
                    self.name
                );
                let options =
                    CrossEntropy { reduction, mode, input: self.input, ..Default::default() };
                let view = logits.view();
                let upstream = Upstream::Scalar(-1.5);
                let out = engine.cross_entropy_with_gradient(view, targets, upstream, &options);
                let out = out.unwrap_or_else(|error| panic!("{what}: {error}"));
                let loss = match reduction {
                    Reduction::Mean => outcome.mean,
                    // Nothing, or what is not finite, is the same divided by the number of rows.
                    Reduction::Sum | Reduction::BatchMean | Reduction::ElementMean => outcome.sum,
                    Reduction::None => Is::Nan,
                };
                assert_is(out.loss, loss, &format!("{what}: loss"));
                let denominator = match reduction {
                    Reduction::BatchMean => indices.len() as f64,
                    _ => outcome.denominator,
                };
                assert_eq!(f64::from(out.denominator), denominator, "{what}: denominator");
                let counted = indices.iter().filter(|&&target| target != -100).count();
                assert_eq!(out.counted, counted, "{what}: counted");
                let gradient = out.gradient.map(|gradient| gradient.into_f32());
                let gradient = gradient.unwrap_or_else(|| panic!("{what}: no gradient"));
                let shape = shape.contiguous();
                for (row, &(of_mean, of_rest)) in outcome.gradients.iter().enumerate() {
                    let is = if reduction == Reduction::Mean { of_mean } else { of_rest };
                    for class in 0..classes {
                        // Of log-probabilities, only the target's has a gradient.
                        let has_none =
                            self.input == Input::LogProbabilities && class as i64 != indices[row];
                        let is = if has_none { Is::Zero } else { is };
                        let found = gradient[shape.start_of(row) + class * shape.inner];
                        assert_is(found, is, &format!("{what}: gradient [{row}, {class}]"));
                    }
                }
            }
        }
    }
}

#[track_caller]
fn assert_is(found: f32, is: Is, what: &str) {
    let right = match is {
        Is::Nan => found.is_nan(),
        is => f64::from(found) == is.number(f64::NAN),
    };
    assert!(right, "{what} is {found:e}, expected {is:?}");
}

/// A batch without rows.
fn empty(engine: &dyn Engine, mode: Mode) {
    for layout in Layout::ALL {
        for (reduction, strict, masked) in [
            (Reduction::Mean, Is::Nan, Is::Zero),
            (Reduction::BatchMean, Is::Nan, Is::Zero),
            (Reduction::ElementMean, Is::Nan, Is::Zero),
            (Reduction::Sum, Is::Zero, Is::Zero),
            (Reduction::None, Is::Nan, Is::Nan),
        ] {
            let what = format!("{}: no rows, {mode:?}, {reduction:?}, {layout:?}", engine.name());
            let logits = Placed::new(&[], [0, 1, 2], layout.shape(0, 3), Element::F32);
            let targets = [
                Targets::classes(&[0i64; 0]),
                Targets::probabilities(logits.view()),
                Targets::classes(&[0i64; 0]).with_row_weights(&[]),
            ];
            for targets in targets {
                let rows = RowOutputs { loss: true, log_sum_exp: true, ..Default::default() };
                let options = CrossEntropy { reduction, mode, rows, ..Default::default() };
                let (view, upstream) = (logits.view(), Upstream::default());
                let out = engine.cross_entropy_with_gradient(view, targets, upstream, &options);
                let out = out.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_is(out.loss, if mode == Mode::Strict { strict } else { masked }, &what);
                assert_eq!((out.counted, out.denominator), (0, 0.0), "{what}");
                assert_eq!(out.loss_rows, Some(vec![]), "{what}");
                assert_eq!(out.log_sum_exp, Some(vec![]), "{what}");
                assert!(out.gradient.is_some_and(|gradient| gradient.is_empty()), "{what}");
            }
        }
    }
}

/// A single class: nothing to lose.
fn one_class(engine: &dyn Engine, mode: Mode) {
    let values = [3.5, -0.25, 0.0, 1e4];
    let shapes = [Layout::Rows, Layout::RowsWithGaps, Layout::SideBySide];
    for (layout, reduction) in
        shapes.into_iter().zip([Reduction::Mean, Reduction::Sum, Reduction::None])
    {
        for smoothing in [0.0, 0.25] {
            for element in Element::ALL {
                let what = format!(
                    "{}: one class, {mode:?}, {reduction:?}, {layout:?}, {element:?}",
                    engine.name()
                );
                let shape = layout.shape(4, 1);
                // The value of "all other classes" is that of the only one.
                let rows = values.map(|value| ([value; 3], value));
                let logits = Placed::new(&rows, [0; 3], shape, element);
                let rows = RowOutputs { loss: true, entropy: true, ..Default::default() };
                let options = CrossEntropy {
                    reduction,
                    mode,
                    rows,
                    label_smoothing: smoothing,
                    ..Default::default()
                };
                let (targets, upstream) = (Targets::classes(&[0i64; 4]), Upstream::Scalar(2.0));
                let out =
                    engine.cross_entropy_with_gradient(logits.view(), targets, upstream, &options);
                let out = out.unwrap_or_else(|error| panic!("{what}: {error}"));
                let loss = if reduction == Reduction::None { Is::Nan } else { Is::Zero };
                assert_is(out.loss, loss, &what);
                assert_eq!(out.loss_rows, Some(vec![0.0; 4]), "{what}");
                assert_eq!(out.entropy, Some(vec![0.0; 4]), "{what}");
                let gradient = out.gradient.map(|gradient| gradient.into_f32());
                assert_eq!(gradient, Some(vec![0.0; 4]), "{what}");
            }
        }
    }
}
