//! What every engine refuses, before it computes anything.

use wgpu_loss::{
    CrossEntropy, Engine, Error, Logits, Reduction, Result, RowOutputs, Targets, Upstream,
};

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

/// Three rows of three classes.
const VALUES: [f32; 9] = [0.0; 9];
const TARGETS: [i64; 3] = [0, 1, 2];

fn logits(rows: usize, classes: usize) -> Logits<'static> {
    Logits::new(&VALUES[..rows * classes], rows, classes).expect("a legal view")
}

/// Without and with a gradient.
fn refuses(
    engine: &dyn Engine,
    what: &str,
    logits: Logits<'_>,
    targets: Targets<'_>,
    options: &CrossEntropy,
) {
    let refused = |result: Result<_>| matches!(result, Err(Error::Invalid { .. }));
    let name = engine.name();
    assert!(refused(engine.cross_entropy(logits, targets, options)), "{name}: {what}");
    let out = engine.cross_entropy_with_gradient(logits, targets, Upstream::default(), options);
    assert!(refused(out), "{name}: {what}, with gradient");
}

/// Every refusal.
pub fn check(engine: &dyn Engine) {
    targets_out_of_range(engine);
    options_out_of_range(engine);
    let none = Targets::classes(&[0i64; 0]);
    let default = CrossEntropy::default();
    refuses(engine, "no classes", logits(0, 0), none, &default);
    refuses(engine, "rows without classes", logits(3, 0), Targets::classes(&TARGETS), &default);
    let targets = Targets::classes(&TARGETS);
    refuses(engine, "too few targets", logits(3, 3), Targets::classes(&TARGETS[..2]), &default);
    for weights in [&[1.0; 2][..], &[1.0; 4], &[]] {
        let with = targets.with_class_weights(weights);
        refuses(engine, "a wrong number of class weights", logits(3, 3), with, &default);
        let with = targets.with_row_weights(weights);
        refuses(engine, "a wrong number of row weights", logits(3, 3), with, &default);
    }
    let fewer = Targets::probabilities(logits(2, 3));
    refuses(engine, "too few probabilities", logits(3, 3), fewer, &default);
    per_row_upstream(engine);
}

/// A target that is neither class nor ignore index: the first such row is named, with its target.
fn targets_out_of_range(engine: &dyn Engine) {
    for (targets, ignore_index, row, value) in [
        ([0, 3, 7], Some(-100), 1, 3),
        ([0, -1, 2], Some(-100), 1, -1),
        ([-100, -100, 1], None, 0, -100),
        ([-100, -100, 1], Some(-1), 0, -100),
        ([1, 1, i64::MIN], Some(-100), 2, i64::MIN),
        ([1, 1, (1 << 32) + 1], Some(-100), 2, (1 << 32) + 1),
        // Not the ignore index, though the same in 32 bits.
        ([1, (1 << 32) - 100, 1], Some(-100), 1, (1 << 32) - 100),
    ] {
        for reduction in [Reduction::None, Reduction::Sum, Reduction::Mean] {
            let options = CrossEntropy { reduction, ignore_index, ..Default::default() };
            let targets = Targets::classes(&targets);
            let expected =
                Err(Error::TargetOutOfRange { operation: "cross-entropy", row, value, classes: 3 });
            assert_eq!(engine.cross_entropy(logits(3, 3), targets, &options), expected);
            let upstream = Upstream::default();
            let out = engine.cross_entropy_with_gradient(logits(3, 3), targets, upstream, &options);
            assert_eq!(out, expected, "{}", engine.name());
        }
    }
}

fn options_out_of_range(engine: &dyn Engine) {
    let default = CrossEntropy::default();
    let (targets, refuses) = (Targets::classes(&TARGETS), |what: &str, targets, options| {
        refuses(engine, what, logits(3, 3), targets, &options);
    });
    for label_smoothing in [-0.1, 1.1, NAN, INF] {
        refuses("label smoothing", targets, CrossEntropy { label_smoothing, ..default });
    }
    for softcap in [0.0, -1.0, NAN, INF] {
        refuses("softcap", targets, CrossEntropy { softcap: Some(softcap), ..default });
    }
    for other in [NAN, INF, -INF] {
        refuses("z-loss", targets, CrossEntropy { z_loss: other, ..default });
        refuses("logit scale", targets, CrossEntropy { logit_scale: other, ..default });
    }
    let probabilities = Targets::probabilities(logits(3, 3));
    for index in [0, 1, -1] {
        let options = CrossEntropy { ignore_index: Some(index), ..default };
        refuses("probabilities with an ignore index", probabilities, options);
    }
    let rows = RowOutputs { target_log_probability: true, ..Default::default() };
    refuses("probabilities have no target", probabilities, CrossEntropy { rows, ..default });
    refuses("probabilities are not hit", probabilities, CrossEntropy { correct: true, ..default });
}

/// An upstream gradient for each row only where the result has a value for each row.
fn per_row_upstream(engine: &dyn Engine) {
    let targets = Targets::classes(&TARGETS);
    for (reduction, upstream, is_refused) in [
        (Reduction::None, &[1.0; 3][..], false),
        (Reduction::None, &[1.0; 2], true),
        (Reduction::Sum, &[1.0; 3], true),
        (Reduction::Mean, &[1.0; 3], true),
    ] {
        let options = CrossEntropy { reduction, ..Default::default() };
        let upstream = Upstream::PerRow(upstream);
        let out = engine.cross_entropy_with_gradient(logits(3, 3), targets, upstream, &options);
        assert_eq!(out.is_err(), is_refused, "{}: {reduction:?} {upstream:?}", engine.name());
    }
}
