//! The corner cases of SEMANTICS, each in strict and in masked mode, on both engines, of all
//! element types, whole and in parts.

use crate::{ENGINES, assert_close, assert_gradient, logits_of, stored};
use wgpu_loss::partial::{ClassRange, PartialState, merge};
use wgpu_loss::{
    CrossEntropy, Element, Engine, Logits, Mode, OwnedValues, Reduction, RowOutputs, Targets,
    Upstream,
};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const LN_2: f64 = std::f64::consts::LN_2;
const ALL_NAN: [f64; 3] = [f64::NAN; 3];
const ALL_ZERO: [f64; 3] = [0.0; 3];
/// `-100`: the default ignore index.
const IGNORED: i32 = -100;

/// Loss and gradient of a row.
type Expected = (f64, [f64; 3]);

const UNDEFINED: Expected = (f64::NAN, ALL_NAN);
const NOTHING: Expected = (0.0, ALL_ZERO);

/// What a row of three logits is compared with.
#[derive(Clone, Copy)]
enum Against {
    Class(i32),
    Probabilities([f32; 3]),
}
use Against::{Class, Probabilities};

struct Corner {
    name: &'static str,
    row: [f32; 3],
    against: Against,
    class_weights: [f32; 3],
    row_weight: f32,
    label_smoothing: f32,
    strict: Expected,
    masked: Expected,
}

/// Without weights and label smoothing.
fn corner(
    name: &'static str,
    row: [f32; 3],
    against: Against,
    strict: Expected,
    masked: Expected,
) -> Corner {
    let (class_weights, row_weight, label_smoothing) = ([1.0; 3], 1.0, 0.0);
    Corner { name, row, against, class_weights, row_weight, label_smoothing, strict, masked }
}

impl Corner {
    fn weights(self, class_weights: [f32; 3]) -> Self {
        Self { class_weights, ..self }
    }

    fn row_weight(self, row_weight: f32) -> Self {
        Self { row_weight, ..self }
    }

    /// A quarter, which is exact in single precision.
    fn smoothed(self) -> Self {
        Self { label_smoothing: 0.25, ..self }
    }
}

/// `eps / C` of a smoothed row.
const SHARE: f64 = 0.25 / 3.0;

fn corners() -> Vec<Corner> {
    let hole = [1.0, -INF, 1.0];
    let infinite = f64::INFINITY;
    vec![
        corner(
            "-inf beside the target",
            hole,
            Class(0),
            (LN_2, [-0.5, 0.0, 0.5]),
            (LN_2, [-0.5, 0.0, 0.5]),
        ),
        corner("only the target is left", [-INF, -INF, 1.0], Class(2), NOTHING, NOTHING),
        corner(
            "-inf at the target",
            hole,
            Class(1),
            (infinite, [0.5, -1.0, 0.5]),
            (infinite, [0.5, -1.0, 0.5]),
        ),
        corner("-inf at a target of weight 0", hole, Class(1), (f64::NAN, ALL_ZERO), NOTHING)
            .weights([2.0, 0.0, 1.0]),
        corner(
            "-inf at a target of negative weight",
            hole,
            Class(1),
            (-infinite, [-1.0, 2.0, -1.0]),
            (-infinite, [-1.0, 2.0, -1.0]),
        )
        .weights([1.0, -2.0, 1.0]),
        corner(
            "-inf with label smoothing",
            hole,
            Class(0),
            (infinite, [-0.25 - SHARE, -SHARE, 0.5 - SHARE]),
            (infinite, [-0.25 - SHARE, -SHARE, 0.5 - SHARE]),
        )
        .smoothed(),
        corner(
            "-inf with label smoothing at a class of weight 0",
            hole,
            Class(0),
            (
                f64::NAN,
                [
                    (0.75 + 2.0 * SHARE) / 2.0 - 0.75 - SHARE,
                    0.0,
                    (0.75 + 2.0 * SHARE) / 2.0 - SHARE,
                ],
            ),
            (
                LN_2 * (0.75 + 2.0 * SHARE),
                [
                    (0.75 + 2.0 * SHARE) / 2.0 - 0.75 - SHARE,
                    0.0,
                    (0.75 + 2.0 * SHARE) / 2.0 - SHARE,
                ],
            ),
        )
        .smoothed()
        .weights([1.0, 0.0, 1.0]),
        corner(
            "-inf at a probability of 0",
            hole,
            Probabilities([0.5, 0.0, 0.5]),
            (f64::NAN, ALL_ZERO),
            (LN_2, ALL_ZERO),
        ),
        corner(
            "-inf at a probability above 0",
            hole,
            Probabilities([0.25, 0.5, 0.25]),
            (infinite, [0.25, -0.5, 0.25]),
            (infinite, [0.25, -0.5, 0.25]),
        ),
        corner(
            "-inf at probabilities of both signs",
            [-INF, -INF, 1.0],
            Probabilities([0.5, -0.5, 1.0]),
            (f64::NAN, [-0.5, 0.5, 0.0]),
            (f64::NAN, [-0.5, 0.5, 0.0]),
        ),
        corner(
            "no probability at all",
            hole,
            Probabilities([0.0; 3]),
            (f64::NAN, ALL_ZERO),
            NOTHING,
        ),
        corner(
            "-inf at the target of a row of weight 0",
            hole,
            Class(1),
            (f64::NAN, ALL_ZERO),
            NOTHING,
        )
        .row_weight(0.0),
        corner("a row of weight 0", [1.0, 2.0, 1.0], Class(1), NOTHING, NOTHING).row_weight(0.0),
        corner("a class of weight 0", [1.0, 2.0, 1.0], Class(1), NOTHING, NOTHING)
            .weights([1.0, 0.0, 1.0]),
        corner("NaN in a row of weight 0", [1.0, NAN, 1.0], Class(0), UNDEFINED, NOTHING)
            .row_weight(0.0),
        corner("NaN at a target of weight 0", [1.0, NAN, 1.0], Class(1), UNDEFINED, NOTHING)
            .weights([1.0, 0.0, 1.0]),
        corner(
            "+inf without a probability",
            [INF, 1.0, 1.0],
            Probabilities([0.0; 3]),
            UNDEFINED,
            NOTHING,
        ),
        corner(
            "+inf at a probability of 0",
            [INF, 1.0, 1.0],
            Probabilities([0.0, 1.0, 0.0]),
            UNDEFINED,
            UNDEFINED,
        ),
        corner("an ignored row", [1.0, 2.0, 1.0], Class(IGNORED), NOTHING, NOTHING),
        corner("an ignored row with -inf", hole, Class(IGNORED), NOTHING, NOTHING),
    ]
}

/// Rows without a softmax: counted and ignored.
fn undefined_corners() -> Vec<Corner> {
    let rows = [
        [-INF, -INF, -INF],
        [INF, 1.0, 2.0],
        [1.0, INF, 2.0],
        [INF, INF, INF],
        [-INF, 1.0, INF],
        [NAN, 1.0, 2.0],
        [1.0, 2.0, -NAN],
        [NAN, NAN, NAN],
        [NAN, INF, -INF],
        [-INF, -INF, NAN],
    ];
    let of_row = |row| {
        let probabilities = Probabilities([0.5, 0.25, 0.25]);
        let counted = [Class(0), Class(1), Class(2), probabilities];
        let counted =
            counted.map(|against| corner("undefined", row, against, UNDEFINED, UNDEFINED));
        let ignored = corner("undefined and ignored", row, Class(IGNORED), (0.0, ALL_NAN), NOTHING);
        counted.into_iter().chain([ignored])
    };
    rows.into_iter().flat_map(of_row).collect()
}

/// A batch of three rows, one of them the corner: `place`, so that none spoils another.
struct Batch {
    logits: OwnedValues,
    classes: [i32; 3],
    probabilities: Option<Vec<f32>>,
    row_weights: [f32; 3],
}

impl Batch {
    fn new(corner: &Corner, place: usize, element: Element) -> Self {
        let mut logits = [0.5, -1.0, 2.0].repeat(3);
        logits[3 * place..3 * place + 3].copy_from_slice(&corner.row);
        let (mut classes, mut row_weights) = ([0; 3], [1.0; 3]);
        row_weights[place] = corner.row_weight;
        let probabilities = match corner.against {
            Class(class) => {
                classes[place] = class;
                None
            }
            Probabilities(of_row) => {
                let mut all = [0.25, 0.25, 0.5].repeat(3);
                all[3 * place..3 * place + 3].copy_from_slice(&of_row);
                Some(all)
            }
        };
        Self { logits: stored(&logits, element), classes, probabilities, row_weights }
    }

    fn targets<'a>(&'a self, corner: &'a Corner) -> Targets<'a> {
        let targets = match &self.probabilities {
            Some(probabilities) => {
                Targets::probabilities(Logits::new(probabilities, 3, 3).unwrap())
            }
            None => Targets::classes(&self.classes),
        };
        targets.with_class_weights(&corner.class_weights).with_row_weights(&self.row_weights)
    }
}

/// Losses of the rows and the gradient, from states of the first and the other classes.
fn in_parts(
    engine: &dyn Engine,
    batch: &Batch,
    corner: &Corner,
    options: &CrossEntropy,
    first: usize,
) -> (Vec<f32>, Vec<f32>) {
    let whole = logits_of(&batch.logits, 3);
    let columns = |values: Logits<'_>, range: std::ops::Range<usize>| -> Vec<f32> {
        (0..3).flat_map(|row| values.row(row)[range.clone()].to_vec()).collect()
    };
    let part = |range: std::ops::Range<usize>, states: Option<&[PartialState]>| {
        let values = stored(&columns(whole, range.clone()), batch.logits.element());
        let logits = logits_of(&values, range.len());
        let classes = ClassRange { first: range.start, total: 3 };
        let of_part = batch
            .probabilities
            .as_ref()
            .map(|all| columns(Logits::new(all, 3, 3).unwrap(), range.clone()));
        let targets = match &of_part {
            None => batch.targets(corner),
            Some(values) => Targets {
                values: wgpu_loss::TargetValues::Probabilities(
                    Logits::new(values, 3, range.len()).unwrap(),
                ),
                ..batch.targets(corner)
            },
        };
        match states {
            None => (engine.partial_states(logits, classes, targets, options).unwrap(), vec![]),
            Some(states) => {
                let upstream = Upstream::default();
                let gradient = engine
                    .partial_gradient(logits, classes, states, targets, upstream, options)
                    .unwrap();
                (vec![], gradient.into_f32())
            }
        }
    };
    let ranges = [0..first, first..3];
    let states = ranges.clone().map(|range| part(range, None).0);
    let states = merge(&[&states[0], &states[1]]).unwrap();
    let losses =
        engine.cross_entropy_of_states(&states, 3, batch.targets(corner), options).unwrap();
    let slices = ranges.clone().map(|range| part(range, Some(&states)).1);
    let mut gradient = vec![0.0; 9];
    for (range, slice) in ranges.into_iter().zip(slices) {
        for (row, of_row) in slice.chunks(range.len()).enumerate() {
            gradient[3 * row + range.start..3 * row + range.end].copy_from_slice(of_row);
        }
    }
    (losses.loss_rows.unwrap(), gradient)
}

fn check(corner: &Corner, engine: &dyn Engine, element: Element, place: usize, mode: Mode) {
    let batch = Batch::new(corner, place, element);
    let options = CrossEntropy {
        reduction: Reduction::None,
        label_smoothing: corner.label_smoothing,
        mode,
        rows: RowOutputs { log_sum_exp: true, argmax: true, ..RowOutputs::default() },
        ..CrossEntropy::default()
    };
    let (loss, gradient) = if mode == Mode::Strict { corner.strict } else { corner.masked };
    let logits = logits_of(&batch.logits, 3);
    let targets = batch.targets(corner);
    let upstream = Upstream::default();
    let out = engine.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap();
    let few = CrossEntropy { rows: RowOutputs::default(), ..options };
    let alone = engine.cross_entropy(logits, targets, &few).unwrap();
    let of_row = |values: &[f32]| stored(&values[3 * place..3 * place + 3], element);

    let losses = out.loss_rows.unwrap();
    assert_close(losses[place], loss);
    assert_eq!(alone.loss_rows.unwrap()[place].to_bits(), losses[place].to_bits());
    let found = out.gradient.unwrap();
    assert_eq!(found.element(), element);
    let found = found.into_f32();
    assert_gradient(&of_row(&found), &gradient, 1.0);
    for other in (0..3).filter(|&row| row != place) {
        assert!(losses[other].is_finite());
        assert!(found[3 * other..3 * other + 3].iter().all(|x| x.is_finite()));
    }
    for first in [1, 2] {
        let (losses, found) = in_parts(engine, &batch, corner, &options, first);
        assert_close(losses[place], loss);
        assert_gradient(&of_row(&found), &gradient, 1.0);
    }
    // A row's reduced loss is what it adds to the others.
    let sum = CrossEntropy { reduction: Reduction::Sum, ..few };
    let sum = engine.cross_entropy(logits, targets, &sum).unwrap();
    assert_close(sum.loss, losses.iter().map(|&loss| f64::from(loss)).sum());
}

#[test]
fn every_corner() {
    for corner in corners().iter().chain(&undefined_corners()) {
        for engine in ENGINES {
            for element in Element::ALL {
                for place in 0..3 {
                    for mode in [Mode::Strict, Mode::Masked] {
                        let context = || {
                            let Corner { name, row, .. } = corner;
                            format!("{name} {row:?} {} {element:?} {mode:?}", engine.name())
                        };
                        let run = || check(corner, engine, element, place, mode);
                        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                        assert!(result.is_ok(), "{}", context());
                    }
                }
            }
        }
    }
}
