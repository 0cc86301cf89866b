//! What is refused, and how: both engines alike, in every call that takes it.

use crate::{ENGINES, logits, options};
use wgpu_loss::partial::{ClassRange, PartialState};
use wgpu_loss::{
    ClassIndices, CrossEntropy, CrossEntropyOutput, Engine, Error, Input, LogSumExp, Logits,
    Reduction, RowOutputs, Softmax, Targets, Upstream,
};

fn refused(engine: &dyn Engine, targets: ClassIndices<'_>, options: &CrossEntropy) -> Error {
    let values = [0.0; 8];
    let (logits, targets) = (logits(&values, 2), Targets::classes(targets));
    let error = engine.cross_entropy(logits, targets, options).unwrap_err();
    let upstream = Upstream::default();
    let with_gradient = engine.cross_entropy_with_gradient(logits, targets, upstream, options);
    assert_eq!(with_gradient, Err(error.clone()));
    let states = [PartialState::EMPTY; 4];
    let of_states = engine.cross_entropy_of_states(&states, 2, targets, options);
    assert_eq!(of_states, Err(error.clone()));
    let classes = ClassRange { first: 0, total: 2 };
    assert_eq!(engine.partial_states(logits, classes, targets, options), Err(error.clone()));
    let gradient = engine.partial_gradient(logits, classes, &states, targets, upstream, options);
    assert_eq!(gradient, Err(error.clone()));
    error
}

#[test]
fn target_out_of_range() {
    let defaults = CrossEntropy::default();
    let all_count = CrossEntropy { ignore_index: None, ..defaults };
    let beyond_i32 = i64::from(i32::MAX) + 1;
    for engine in ENGINES {
        let cases: [(ClassIndices<'_>, CrossEntropy, usize, i64); 11] = [
            ((&[0, 1, 2, 5]).into(), defaults, 2, 2),
            ((&[0, -100, -1, 1]).into(), defaults, 2, -1),
            ((&[i32::MIN, 0, 0, i32::MAX]).into(), defaults, 0, i32::MIN.into()),
            ((&[0, 0, 0, i32::MAX]).into(), defaults, 3, i32::MAX.into()),
            ((&[0, -100, 0, 0]).into(), all_count, 1, -100),
            ((&[0i64, -100, 1, 2]).into(), defaults, 3, 2),
            // 2^32 is 0 in 32 bits, and -100 + 2^32 is the ignore index.
            ((&[0i64, 1 << 32, 1, 1]).into(), defaults, 1, 1 << 32),
            ((&[0i64, 1, (1 << 32) - 100, 1]).into(), defaults, 2, (1 << 32) - 100),
            ((&[0i64, 1, 1, i64::MIN]).into(), defaults, 3, i64::MIN),
            ((&[0u32, 1, 1 << 31, u32::MAX]).into(), defaults, 2, beyond_i32),
            ((&[0u8, 255, 1, 156]).into(), defaults, 1, 255),
        ];
        for (targets, options, row, value) in cases {
            let expected =
                Error::TargetOutOfRange { operation: "cross-entropy", row, value, classes: 2 };
            assert_eq!(refused(engine, targets, &options), expected);
        }
    }
}

#[track_caller]
fn assert_invalid<T: std::fmt::Debug>(result: Result<T, Error>, name: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Invalid { what, .. } if what == name), "{error}");
}

#[test]
fn wrong_lengths() {
    let values = [0.0; 6];
    let logits = logits(&values, 2);
    let three = Targets::classes(&[0, 0, 0]);
    for engine in ENGINES {
        for targets in [&[0, 0][..], &[0; 4], &[]] {
            let targets = Targets::classes(targets);
            let result = engine.cross_entropy(logits, targets, &CrossEntropy::default());
            assert_invalid(result, "number of targets");
        }
        for weights in [&[1.0; 1][..], &[1.0; 3], &[]] {
            let targets = three.with_class_weights(weights);
            let result = engine.cross_entropy(logits, targets, &CrossEntropy::default());
            assert_invalid(result, "number of class weights");
        }
        for weights in [&[1.0; 2][..], &[1.0; 4], &[]] {
            let targets = three.with_row_weights(weights);
            let result = engine.cross_entropy(logits, targets, &CrossEntropy::default());
            assert_invalid(result, "number of row weights");
        }
        for (factors, reduction) in [
            (&[1.0; 2][..], Reduction::None),
            (&[1.0; 4], Reduction::None),
            (&[1.0; 3], Reduction::Sum),
            (&[1.0; 3], Reduction::Mean),
        ] {
            let upstream = Upstream::PerRow(factors);
            let options = options(reduction);
            let result = engine.cross_entropy_with_gradient(logits, three, upstream, &options);
            assert_invalid(result, "upstream gradient");
        }
        let upstream = Upstream::PerRow(&[1.0; 2]);
        let result = engine.log_sum_exp_with_gradient(logits, upstream, &LogSumExp::default());
        assert_invalid(result, "upstream gradient");
        let other = Logits::new(&values, 2, 3).unwrap();
        let result = engine.softmax_gradient(logits, other, &Softmax::default());
        assert_invalid(result, "upstream gradient");
        let middle = Logits::with_class_axis(&values, 1, 2, 3).unwrap();
        let result = engine.softmax_gradient(logits, middle, &Softmax::default());
        assert_invalid(result, "upstream gradient");
        let targets = Targets::probabilities(middle);
        let result = engine.cross_entropy(logits, targets, &CrossEntropy::default());
        assert_invalid(result, "probabilities");
    }
}

#[test]
fn no_classes() {
    for engine in ENGINES {
        let none = Logits::new::<f32>(&[], 2, 0).unwrap();
        let targets = Targets::classes(&[0, 0]);
        let result = engine.cross_entropy(none, targets, &CrossEntropy::default());
        assert_invalid(result, "number of classes");
        let upstream = Upstream::default();
        let out = engine.log_sum_exp_with_gradient(none, upstream, &LogSumExp::default()).unwrap();
        assert_eq!(out.log_sum_exp, [f32::NEG_INFINITY; 2]);
        assert!(out.gradient.unwrap().is_empty());
        assert!(engine.softmax(none, &Softmax::default()).unwrap().is_empty());
        assert!(engine.softmax_gradient(none, none, &Softmax::default()).unwrap().is_empty());
        // Rows without classes hold no memory, so any number of them is a legal view.
        let endless = Logits::new::<f32>(&[], usize::MAX, 0).unwrap();
        assert!(engine.log_sum_exp(endless, &LogSumExp::default()).is_err());
        assert!(engine.softmax(endless, &Softmax::default()).is_err());
    }
}

#[test]
fn options_out_of_range() {
    let defaults = CrossEntropy::default();
    let smoothed = |label_smoothing| CrossEntropy { label_smoothing, ..defaults };
    let capped = |softcap| CrossEntropy { softcap: Some(softcap), ..defaults };
    let cases = [
        (smoothed(-0.1), "label smoothing"),
        (smoothed(1.1), "label smoothing"),
        (smoothed(f32::NAN), "label smoothing"),
        (capped(0.0), "softcap"),
        (capped(-1.0), "softcap"),
        (capped(f32::INFINITY), "softcap"),
        (capped(f32::NAN), "softcap"),
        (CrossEntropy { z_loss: f32::NAN, ..defaults }, "z-loss"),
        (CrossEntropy { logit_scale: f32::INFINITY, ..defaults }, "logit scale"),
    ];
    for engine in ENGINES {
        for (options, name) in cases {
            let classes = ClassIndices::I32(&[0, 0, 0, 0]);
            assert_invalid::<()>(Err(refused(engine, classes, &options)), name);
        }
    }
}

#[test]
fn combinations_that_mean_nothing() {
    let values = [0.25; 4];
    let logits = logits(&values, 2);
    let defaults = CrossEntropy::default();
    let rows = RowOutputs { target_log_probability: true, ..RowOutputs::default() };
    let probabilities = Targets::probabilities(logits);
    for engine in ENGINES {
        for (options, name) in [
            (CrossEntropy { ignore_index: Some(1), ..defaults }, "ignore index"),
            (CrossEntropy { correct: true, ..defaults }, "number of correct rows"),
            (CrossEntropy { rows, ..defaults }, "target log-probability"),
        ] {
            let result: Result<CrossEntropyOutput, _> =
                engine.cross_entropy(logits, probabilities, &options);
            assert_invalid(result, name);
        }
        let none = CrossEntropy { ignore_index: None, ..defaults };
        assert!(engine.cross_entropy(logits, probabilities, &none).is_ok());
        let log_probabilities = CrossEntropy { input: Input::LogProbabilities, ..defaults };
        for (options, name) in [
            (CrossEntropy { label_smoothing: 0.1, ..log_probabilities }, "label smoothing"),
            (CrossEntropy { z_loss: 0.1, ..log_probabilities }, "z-loss"),
            (CrossEntropy { softcap: Some(1.0), ..log_probabilities }, "softcap"),
            (CrossEntropy { logit_scale: 2.0, ..log_probabilities }, "logit scale"),
            (CrossEntropy { correct: true, ..log_probabilities }, "number of correct rows"),
        ] {
            let result = engine.cross_entropy(logits, Targets::classes(&[0, 0]), &options);
            assert_invalid(result, name);
        }
        let result = engine.cross_entropy(logits, probabilities, &log_probabilities);
        assert_invalid(result, "probabilities");
    }
}

#[test]
fn parts_that_do_not_fit() {
    let values = [0.25; 4];
    let logits = logits(&values, 2);
    let targets = Targets::classes(&[0, 0]);
    let options = CrossEntropy::default();
    let upstream = Upstream::default();
    for engine in ENGINES {
        for classes in
            [ClassRange { first: 2, total: 3 }, ClassRange { first: usize::MAX, total: usize::MAX }]
        {
            let result = engine.partial_states(logits, classes, targets, &options);
            assert_invalid(result, "classes");
        }
        let classes = ClassRange { first: 1, total: 3 };
        let states = [PartialState::EMPTY; 3];
        let result = engine.partial_gradient(logits, classes, &states, targets, upstream, &options);
        assert_invalid(result, "number of states");
        let result = engine.cross_entropy_of_states(&states, 3, targets, &options);
        assert_invalid(result, "number of targets");
        let weighted = targets.with_class_weights(&[1.0; 2]);
        let result = engine.partial_states(logits, classes, weighted, &options);
        assert_invalid(result, "number of class weights");
        let log_probabilities = CrossEntropy { input: Input::LogProbabilities, ..options };
        let result = engine.partial_states(logits, classes, targets, &log_probabilities);
        assert_invalid(result, "input");
    }
}
