//! Softmax, log-softmax and their gradients.

use crate::{
    ENGINES, Noise, assert_all_nan, assert_close, assert_gradient, logits, logits_of, stored,
};
use wgpu_loss::{Element, Softmax, cpu};

const SOFTMAX: Softmax = Softmax { log: false, element: None };
const LOG_SOFTMAX: Softmax = Softmax { log: true, element: None };
const INF: f32 = f32::INFINITY;

#[test]
fn of_known_rows() {
    let expected = [0.090_030_573_170_380_43, 0.244_728_471_054_797_6, 0.665_240_955_774_821_7];
    for engine in ENGINES {
        for offset in [0.0, -5000.0, 16_777_216.0] {
            let row = [offset - 2.0, offset, offset + 2.0];
            let found = engine.softmax(logits(&row, 3), &SOFTMAX).unwrap().into_f32();
            let exps = [(-4f64).exp(), (-2f64).exp(), 1.0];
            let sum: f64 = exps.iter().sum();
            for (found, exp) in found.into_iter().zip(exps) {
                assert_close(found, exp / sum);
            }
        }
        let found = engine.softmax(logits(&[1.0, 2.0, 3.0], 3), &SOFTMAX).unwrap().into_f32();
        found.into_iter().zip(expected).for_each(|(found, expected)| assert_close(found, expected));
        let found = engine.softmax(logits(&[1.0, 2.0, 3.0], 3), &LOG_SOFTMAX).unwrap().into_f32();
        for (found, expected) in found.into_iter().zip(expected) {
            assert_close(found, expected.ln());
        }
        // Close to certain: -log1p(r), not 1 - 1.
        let found = engine.softmax(logits(&[30.0, 0.0], 2), &LOG_SOFTMAX).unwrap().into_f32();
        assert_close(found[0], -(-30f64).exp().ln_1p());
    }
}

#[test]
fn of_special_rows() {
    for engine in ENGINES {
        for element in Element::ALL {
            let row = stored(&[-INF, 0.0, 0.0], element);
            let row = logits_of(&row, 3);
            assert_eq!(engine.softmax(row, &SOFTMAX).unwrap().into_f32(), [0.0, 0.5, 0.5]);
            let found = engine.softmax(row, &LOG_SOFTMAX).unwrap().into_f32();
            assert_eq!(found[0], -INF);
            let upstream = stored(&[1.0, 2.0, 4.0], element);
            let upstream = logits_of(&upstream, 3);
            let found = engine.softmax_gradient(row, upstream, &SOFTMAX).unwrap();
            assert_gradient(&found, &[0.0, -0.5, 0.5], 1.0);
            let found = engine.softmax_gradient(row, upstream, &LOG_SOFTMAX).unwrap();
            assert_gradient(&found, &[1.0, -1.5, 0.5], 1.0);
            for row in [[-INF; 3], [1.0, INF, 1.0], [1.0, f32::NAN, INF]] {
                let row = stored(&row, element);
                let row = logits_of(&row, 3);
                for options in [SOFTMAX, LOG_SOFTMAX] {
                    assert_all_nan(&engine.softmax(row, &options).unwrap().into_f32());
                    let found = engine.softmax_gradient(row, upstream, &options).unwrap();
                    assert_all_nan(&found.into_f32());
                }
            }
        }
    }
}

/// As defined, in double precision.
#[test]
fn of_random_rows() {
    let mut noise = Noise(11);
    for classes in [1, 2, 5, 16, 17, 300, 1111] {
        let rows = 3;
        let values = noise.floats(rows * classes, -8.0, 8.0);
        let factors = noise.floats(rows * classes, -2.0, 2.0);
        let (mut softmax, mut log_softmax) = (vec![], vec![]);
        let (mut gradient, mut log_gradient) = (vec![], vec![]);
        for (x, g) in values.chunks(classes).zip(factors.chunks(classes)) {
            let lse = x.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
            let log: Vec<f64> = x.iter().map(|&x| f64::from(x) - lse).collect();
            let p: Vec<f64> = log.iter().map(|log| log.exp()).collect();
            let g: Vec<f64> = g.iter().map(|&g| g.into()).collect();
            let mean: f64 = g.iter().zip(&p).map(|(g, p)| g * p).sum();
            let sum: f64 = g.iter().sum();
            gradient.extend(g.iter().zip(&p).map(|(g, p)| p * (g - mean)));
            log_gradient.extend(g.iter().zip(&p).map(|(g, p)| g - p * sum));
            softmax.extend(p);
            log_softmax.extend(log);
        }
        let (x, g) = (logits(&values, classes), logits(&factors, classes));
        for engine in ENGINES {
            assert_gradient(&engine.softmax(x, &SOFTMAX).unwrap(), &softmax, 1.0);
            for (found, expected) in
                engine.softmax(x, &LOG_SOFTMAX).unwrap().into_f32().into_iter().zip(&log_softmax)
            {
                assert!((f64::from(found) - expected).abs() <= 2e-6 * expected.abs().max(1.0));
            }
            let found = engine.softmax_gradient(x, g, &SOFTMAX).unwrap();
            assert_gradient(&found, &gradient, 2.0);
            let found = engine.softmax_gradient(x, g, &LOG_SOFTMAX).unwrap();
            let sum: f64 = factors.iter().map(|&g| f64::from(g.abs())).sum();
            assert_gradient(&found, &log_gradient, 1.0 + sum / rows as f64 / 100.0);
        }
        let exact = cpu::Oracle.softmax_f64(x, Some(g), &SOFTMAX).unwrap();
        for (found, expected) in exact.iter().zip(&gradient) {
            assert!((found - expected).abs() <= 1e-14);
        }
        let exact = cpu::Oracle.softmax_f64(x, Some(g), &LOG_SOFTMAX).unwrap();
        for (found, expected) in exact.iter().zip(&log_gradient) {
            assert!((found - expected).abs() <= 1e-11);
        }
    }
}

/// Where one class leads far, `p (g - sum g p)` must not be the difference of two equal numbers.
#[test]
fn gradients_of_certain_rows_keep_their_digits() {
    let lead = (-25f64).exp();
    let p = [1.0 / (1.0 + lead), lead / (1.0 + lead)];
    for engine in ENGINES {
        let (x, g) = ([25.0, 0.0], [3.0, 1.0]);
        let found = engine.softmax_gradient(logits(&x, 2), logits(&g, 2), &SOFTMAX).unwrap();
        let found = found.into_f32();
        assert_close(found[0], 2.0 * p[0] * p[1]);
        assert_close(found[1], -2.0 * p[0] * p[1]);
        let g = [3.0, 0.0];
        let found = engine.softmax_gradient(logits(&x, 2), logits(&g, 2), &LOG_SOFTMAX).unwrap();
        let found = found.into_f32();
        assert_close(found[0], 3.0 * p[1]);
        assert_close(found[1], -3.0 * p[1]);
    }
}
