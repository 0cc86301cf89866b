//! What every engine refuses, by name.

use wgpu_loss::{
    Engine, Error, Logits, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, Targets, Upstream, cpu,
};

use super::gpu;

/// The argument that is refused.
fn refused(
    logits: Logits<'_>,
    against: SoftmaxAgainst<'_>,
    upstream: Upstream<'_>,
    options: &SoftmaxLoss,
) -> &'static str {
    let engines: [&dyn Engine; 3] = [&cpu::Oracle, &cpu::Fast, gpu()];
    let errors = engines.map(|engine| {
        engine.softmax_loss_with_gradient(logits, against, upstream, options).unwrap_err()
    });
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    let Error::Invalid { operation, what, .. } = &errors[0] else { panic!("{errors:?}") };
    assert_eq!(*operation, options.function.name());
    what
}

#[test]
fn calls_that_mean_nothing() {
    let values = [0.0; 6];
    let logits = Logits::new(&values, 2, 3).unwrap();
    let classes = SoftmaxAgainst::Targets(Targets::classes(&[0, 2]));
    let teacher = SoftmaxAgainst::teacher(logits);
    let one = Upstream::Scalar(1.0);
    let focal = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma: 2.0 });
    let kl = SoftmaxLoss::new(SoftmaxFunction::KlDivergence);
    assert_eq!(refused(logits, teacher, one, &focal), "operands");
    assert_eq!(refused(logits, classes, one, &kl), "operands");
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let options = SoftmaxLoss { temperature, ..kl };
        assert_eq!(refused(logits, teacher, one, &options), "temperature");
    }
    for gamma in [-0.5, f32::NAN, f32::INFINITY] {
        let options = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma });
        assert_eq!(refused(logits, classes, one, &options), "gamma");
    }
    let smoothed = SoftmaxLoss { label_smoothing: 1.5, ..focal };
    assert_eq!(refused(logits, classes, one, &smoothed), "label smoothing");
    let smoothed = SoftmaxLoss { label_smoothing: 0.1, ..kl };
    assert_eq!(refused(logits, teacher, one, &smoothed), "label smoothing");
    let ignoring = SoftmaxLoss { ignore_index: Some(1), ..kl };
    assert_eq!(refused(logits, teacher, one, &ignoring), "ignore index");
    let probabilities = SoftmaxAgainst::Targets(Targets::probabilities(logits));
    let ignoring = SoftmaxLoss { ignore_index: Some(1), ..focal };
    assert_eq!(refused(logits, probabilities, one, &ignoring), "ignore index");

    let narrow = SoftmaxAgainst::teacher(Logits::new(&values, 3, 2).unwrap());
    assert_eq!(refused(logits, narrow, one, &kl), "teacher");
    let few = SoftmaxAgainst::Targets(Targets::classes(&[0]));
    assert_eq!(refused(logits, few, one, &focal), "number of targets");
    let weights = [1.0; 4];
    let weighted = Targets::classes(&[0, 2]).with_class_weights(&weights);
    let weighted = SoftmaxAgainst::Targets(weighted);
    assert_eq!(refused(logits, weighted, one, &focal), "number of class weights");
    let weighted = SoftmaxAgainst::Teacher { logits, row_weights: Some(&weights) };
    assert_eq!(refused(logits, weighted, one, &kl), "number of row weights");
    assert_eq!(refused(logits, teacher, Upstream::PerRow(&[1.0; 2]), &kl), "upstream gradient");
    let empty = Logits::new(&values[..0], 2, 0).unwrap();
    let against = SoftmaxAgainst::teacher(empty);
    assert_eq!(refused(empty, against, one, &kl), "number of classes");
}

#[test]
fn a_target_that_is_no_class() {
    let values = [0.0; 9];
    let logits = Logits::new(&values, 3, 3).unwrap();
    let options = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma: 2.0 });
    let engines: [&dyn Engine; 3] = [&cpu::Oracle, &cpu::Fast, gpu()];
    for engine in engines {
        let against = SoftmaxAgainst::Targets(Targets::classes(&[0, -100, 3]));
        let error = engine.softmax_loss(logits, against, &options).unwrap_err();
        let operation = "softmax focal loss";
        assert_eq!(error, Error::TargetOutOfRange { operation, row: 2, value: 3, classes: 3 });
        let text = "softmax focal loss: target of row 2 is 3, expected 0 to 2 or the ignore index";
        assert_eq!(error.to_string(), text);
        let wide = [0i64, -1, 1 << 40];
        let against = SoftmaxAgainst::Targets(Targets::classes(&wide));
        let error = engine.softmax_loss(logits, against, &options).unwrap_err();
        assert_eq!(error, Error::TargetOutOfRange { operation, row: 1, value: -1, classes: 3 });
    }
}
