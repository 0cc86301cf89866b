//! Element types of logits, probabilities and gradients, and of target classes.

use crate::{
    ENGINES, Noise, assert_close, logits, logits_of, options, probability_options, stored,
};
use wgpu_loss::{
    ClassIndices, CrossEntropy, Element, LogSumExp, Reduction, Softmax, Targets, Upstream,
};

/// Half-precision logits are those numbers in single precision; the gradient is rounded once.
#[test]
fn every_element_type_in_and_out() {
    let (rows, classes) = (5, 37);
    let mut noise = Noise(1);
    let values = noise.floats(rows * classes, -6.0, 6.0);
    let targets = Targets::classes(&[3, 0, -100, 36, 12]);
    for engine in ENGINES {
        for from in Element::ALL {
            let narrow = stored(&values, from);
            let wide = narrow.clone().into_f32();
            for to in [None, Some(Element::F32), Some(Element::F16), Some(Element::Bf16)] {
                let element = to.unwrap_or(from);
                let upstream = Upstream::Scalar(3.0);
                let options = CrossEntropy { gradient_element: to, ..options(Reduction::Sum) };
                let single = CrossEntropy { gradient_element: None, ..options };
                let expected = engine
                    .cross_entropy_with_gradient(logits(&wide, classes), targets, upstream, &single)
                    .unwrap();
                let found = engine
                    .cross_entropy_with_gradient(
                        logits_of(&narrow, classes),
                        targets,
                        upstream,
                        &options,
                    )
                    .unwrap();
                let rounded = stored(&expected.gradient.unwrap().into_f32(), element);
                assert_eq!(found.gradient, Some(rounded));
                assert_eq!(found.loss.to_bits(), expected.loss.to_bits());
                assert_eq!(found.log_sum_exp, expected.log_sum_exp);
                assert_eq!(found.entropy, expected.entropy);

                let options = LogSumExp { gradient_element: to };
                let found = engine
                    .log_sum_exp_with_gradient(logits_of(&narrow, classes), upstream, &options)
                    .unwrap();
                let expected = engine
                    .log_sum_exp_with_gradient(
                        logits(&wide, classes),
                        upstream,
                        &LogSumExp::default(),
                    )
                    .unwrap();
                let rounded = stored(&expected.gradient.unwrap().into_f32(), element);
                assert_eq!(found.gradient, Some(rounded));

                for log in [false, true] {
                    let found =
                        engine.softmax(logits_of(&narrow, classes), &Softmax { log, element: to });
                    let options = Softmax { log, element: None };
                    let expected = engine.softmax(logits(&wide, classes), &options).unwrap();
                    assert_eq!(found.unwrap(), stored(&expected.into_f32(), element));
                }
            }
        }
    }
}

#[test]
fn probabilities_of_every_element_type() {
    let (rows, classes) = (4, 21);
    let mut noise = Noise(2);
    let values = noise.floats(rows * classes, -6.0, 6.0);
    let probabilities = noise.floats(rows * classes, 0.0, 1.0);
    for engine in ENGINES {
        for element in Element::ALL {
            let narrow = stored(&probabilities, element);
            let wide = narrow.clone().into_f32();
            let options =
                CrossEntropy { label_smoothing: 0.1, ..probability_options(Reduction::Mean) };
            let [found, expected] =
                [logits_of(&narrow, classes), logits(&wide, classes)].map(|probabilities| {
                    let targets = Targets::probabilities(probabilities);
                    let upstream = Upstream::default();
                    let logits = logits(&values, classes);
                    engine.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap()
                });
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn target_classes_of_every_type() {
    let values = Noise(3).floats(4 * 5, -2.0, 2.0);
    let logits = logits(&values, 5);
    for engine in ENGINES {
        for (ignore_index, last) in [(Some(4), 4u8), (None, 3), (Some(200), 200)] {
            let narrow = [0, 3, 1, last];
            let options = CrossEntropy { ignore_index, ..options(Reduction::Mean) };
            let run = |targets: ClassIndices<'_>| {
                let targets = Targets::classes(targets);
                let upstream = Upstream::default();
                engine.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap()
            };
            let expected = run((&narrow.map(i32::from)).into());
            assert_eq!(run((&narrow).into()), expected);
            assert_eq!(run((&narrow.map(i64::from)).into()), expected);
            assert_eq!(run((&narrow.map(u32::from)).into()), expected);
        }
        // No unsigned target is the default ignore index.
        let targets = Targets::classes(&[0u32, u32::MAX - 99, 0, 0]);
        assert!(engine.cross_entropy(logits, targets, &CrossEntropy::default()).is_err());
        let targets = Targets::classes(&[0i64, -100, -100, 4]);
        let out = engine.cross_entropy(logits, targets, &CrossEntropy::default()).unwrap();
        assert_eq!(out.counted, 2);
    }
}

/// Too small or too great for the gradient's type: rounded as ever.
#[test]
fn gradients_beyond_the_range_of_half_precision() {
    let values = [0.0, 0.0, 40.0, 0.0];
    for engine in ENGINES {
        let upstream = Upstream::PerRow(&[1e6, 1e-6]);
        let options =
            CrossEntropy { gradient_element: Some(Element::F16), ..options(Reduction::None) };
        let targets = Targets::classes(&[0, 1]);
        let out =
            engine.cross_entropy_with_gradient(logits(&values, 2), targets, upstream, &options);
        let out = out.unwrap();
        let gradient = out.gradient.unwrap().into_f32();
        assert_eq!(gradient[..2], [f32::NEG_INFINITY, f32::INFINITY]);
        assert_close(gradient[2], f64::from(half(1e-6)));
        assert_close(gradient[3], f64::from(half(-1e-6)));
    }
    fn half(value: f32) -> f32 {
        wgpu_loss::half::f16::from_f32(value).to_f32()
    }
}
