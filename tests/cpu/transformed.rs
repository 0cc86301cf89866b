//! Logit scale and softcap.

use crate::{ENGINES, assert_all_nan, assert_all_zero, assert_close, logits, options};
use wgpu_loss::{CrossEntropy, CrossEntropyOutput, Engine, Reduction, Targets, Upstream, cpu};

const INF: f32 = f32::INFINITY;

fn run(
    engine: &dyn Engine,
    row: &[f32],
    target: i32,
    options: &CrossEntropy,
) -> CrossEntropyOutput {
    let targets = [target];
    let (logits, upstream) = (logits(row, row.len()), Upstream::default());
    engine
        .cross_entropy_with_gradient(logits, Targets::classes(&targets), upstream, options)
        .unwrap()
}

/// Saturated logits are `+-softcap`, with no gradient; infinities as well.
#[test]
fn softcap_saturates() {
    for engine in ENGINES {
        let options = CrossEntropy { softcap: Some(2.0), ..options(Reduction::Sum) };
        let out = run(engine, &[INF, -INF, f32::MAX, 0.0], 1, &options);
        let lse = (2.0 * 2f64.exp() + (-2f64).exp() + 1.0).ln();
        assert_close(out.loss, lse + 2.0);
        let gradient = out.gradient.unwrap().into_f32();
        assert_all_zero(&gradient[..3]);
        assert_close(gradient[3], (-lse).exp());
        assert_eq!(out.argmax, Some(vec![0]));
        // Nothing but one infinity: equal logits.
        for infinity in [INF, -INF] {
            let out = run(engine, &[infinity; 3], 0, &options);
            assert_close(out.loss, 3f64.ln());
            assert_all_zero(&out.gradient.unwrap().into_f32());
        }
        let out = run(engine, &[0.0, f32::NAN], 0, &options);
        assert!(out.loss.is_nan());
        assert_all_nan(&out.gradient.unwrap().into_f32());
    }
}

#[test]
fn scales_at_their_limits() {
    for engine in ENGINES {
        // Everything is alike, and moving a logit moves nothing.
        let none = CrossEntropy { logit_scale: 0.0, ..options(Reduction::Sum) };
        let out = run(engine, &[5.0, -7.0], 1, &none);
        assert_close(out.loss, 2f64.ln());
        assert_all_zero(&out.gradient.unwrap().into_f32());
        // 0 * inf
        let out = run(engine, &[5.0, -INF, INF], 0, &none);
        assert!(out.loss.is_nan());
        assert_eq!(out.argmax, Some(vec![1]));
        // What overflows is infinite.
        let great = CrossEntropy { logit_scale: 1e30, ..options(Reduction::Sum) };
        let out = run(engine, &[0.0, -1e20, 0.0], 0, &great);
        assert_close(out.loss, 2f64.ln());
        let out = run(engine, &[0.0, -1e20, 0.0], 1, &great);
        assert_eq!(out.loss, INF);
        let gradient = out.gradient.unwrap().into_f32();
        for (found, expected) in gradient.into_iter().zip([5e29, -1e30, 5e29]) {
            assert_close(found, f64::from(expected as f32));
        }
        assert!(run(engine, &[0.0, 1e20, 0.0], 1, &great).loss.is_nan());
        let both = CrossEntropy { softcap: Some(1.0), ..great };
        assert_close(run(engine, &[0.0, 1e20], 1, &both).loss, (-1f64).exp().ln_1p());
    }
}

/// A negative scale turns the row around.
#[test]
fn a_scale_is_a_factor_of_the_logits() {
    let row = [0.5, -1.25, 3.0, 2.0];
    for engine in ENGINES {
        for scale in [-2.0, 0.25, 4.0] {
            let scaled = row.map(|x| x * scale);
            let expected = run(engine, &scaled, 3, &options(Reduction::Sum));
            let options = CrossEntropy { logit_scale: scale, ..options(Reduction::Sum) };
            let found = run(engine, &row, 3, &options);
            assert_eq!(found.loss, expected.loss);
            assert_eq!(found.argmax, expected.argmax);
            let gradients = found.gradient.unwrap().into_f32().into_iter();
            for (found, expected) in gradients.zip(expected.gradient.unwrap().into_f32()) {
                assert_close(found, f64::from(expected) * f64::from(scale));
            }
        }
    }
}

/// As the definition has it, in double precision: `Fast` is off by the rounding of the logits.
#[test]
fn softcap_is_as_defined() {
    let row = [0.5f32, -1.25, 30.0, 20.0, -55.0, 1e-3, 7.0];
    for softcap in [1e-3f32, 0.5, 3.0, 30.0, 1e4, 1e30] {
        for scale in [1.0f32, -0.75] {
            let (cap, factor) = (f64::from(softcap), f64::from(scale));
            let y = row.map(|x| cap * (factor * f64::from(x) / cap).tanh());
            let lse = y.iter().map(|y| y.exp()).sum::<f64>().ln();
            let options = CrossEntropy {
                softcap: Some(softcap),
                logit_scale: scale,
                ..options(Reduction::Sum)
            };
            for (target, y_of_target) in y.iter().enumerate() {
                let targets = [target as i32];
                let targets = Targets::classes(&targets);
                let upstream = Some(Upstream::default());
                let exact = cpu::Oracle
                    .cross_entropy_f64(logits(&row, 7), targets, upstream, &options)
                    .unwrap();
                assert!((exact.loss - (lse - y_of_target)).abs() < 1e-12 * (1.0 + lse.abs()));
                let found = run(&cpu::Fast, &row, target as i32, &options);
                let largest = y.iter().fold(0f64, |most, y| most.max(y.abs()));
                let rounding = 4.0 * f64::from(f32::EPSILON) * largest;
                let allowed = 2e-6 * exact.loss + rounding;
                assert!((f64::from(found.loss) - exact.loss).abs() <= allowed);
                let gradients = found.gradient.unwrap().into_f32().into_iter();
                for (found, expected) in gradients.zip(exact.gradient.unwrap()) {
                    let allowed = (2e-6 + rounding) * factor.abs();
                    assert!((f64::from(found) - expected).abs() <= allowed, "{found} {expected}");
                }
            }
        }
    }
}
