//! Gradients, against central differences of the definitions.

use super::formulas::{focal, gradient, jensen_shannon, kl_divergence};
use super::{LOGITS, ROW_WEIGHTS, TEACHER, alpha, eval, file, one_hot, row};
use crate::ENGINES;
use crate::common::{Array, Folder, arrays, text};
use crate::reduce::contains;

/// The gradient that is written, on each CPU engine.
#[track_caller]
fn written(file: &str, line: &str, check: impl Fn(&Array)) {
    for engine in ENGINES {
        let folder = Folder::new();
        let path = folder.path("out.safetensors");
        let out = text(&path);
        let run = eval(file, &format!("{line} --gradient --device {engine} --out {out}"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let all = arrays(&path);
        check(all.iter().find(|array| array.name == "gradient").expect("a gradient"));
    }
}

/// Of each row's loss, times a factor.
fn expected(loss: impl Fn(usize, &[f64]) -> f64, factors: [f64; 4]) -> Vec<f32> {
    let of_row = |i: usize| gradient(&row(&LOGITS, i), |x| factors[i] * loss(i, x));
    (0..4).flat_map(of_row).map(|value| value as f32).collect()
}

#[test]
fn gradients_of_every_loss_and_reduction() {
    let folder = Folder::new();
    let file = file(&folder);
    let weights = ROW_WEIGHTS.map(f64::from);
    type Loss = fn(usize, &[f64]) -> f64;
    let losses: [(&str, Loss); 4] = [
        ("softmax-focal FILE --class-weights alpha --gamma 1.5 --temperature 2", |i, x| {
            focal(x, &one_hot(i), &alpha(), 1.5, 2.0)
        }),
        ("softmax-focal FILE --gamma 3 --label-smoothing 0.3", |i, x| {
            let target: Vec<_> = one_hot(i).into_iter().map(|t| 0.7 * t + 0.1).collect();
            focal(x, &target, &[1.0; 3], 3.0, 1.0)
        }),
        ("softmax-kl-divergence FILE --temperature 3", |i, x| {
            kl_divergence(x, &row(&TEACHER, i), 3.0)
        }),
        ("softmax-jensen-shannon FILE --temperature 0.5", |i, x| {
            jensen_shannon(x, &row(&TEACHER, i), 0.5)
        }),
    ];
    for (line, loss) in losses {
        for (options, factors) in [
            ("--reduction sum", [1.0; 4]),
            ("", [0.25; 4]),
            ("--reduction sum --upstream -2.5", [-2.5; 4]),
            ("--row-weights v", weights.map(|weight| weight / 3.5)),
            ("--reduction none --upstream g", [1.0, -2.0, 0.5, 3.0]),
        ] {
            written(&file, &format!("{line} {options}"), |found| {
                contains(found, "gradient", &[4, 3], &expected(loss, factors));
            });
        }
    }
}

#[test]
fn gradients_have_the_type_that_was_asked_for() {
    let folder = Folder::new();
    let file = file(&folder);
    let line = "softmax-kl-divergence FILE --reduction sum --gradient-element f16";
    written(&file, line, |found| {
        assert_eq!((found.dtype, found.shape.as_slice()), ("F16", &[4, 3][..]));
        let exact = expected(|i, x| kl_divergence(x, &row(&TEACHER, i), 1.0), [1.0; 4]);
        for (found, exact) in found.values.iter().zip(exact) {
            assert!((found - exact).abs() <= 5e-4 * exact.abs() + 1e-6, "{found}, {exact}");
        }
    });
    let json = eval(&file, &format!("{line} --gradient --device cpu --json")).json();
    assert_eq!((&json["gradient"], &json["gradient_element"]), (&true.into(), &"f16".into()));
}
