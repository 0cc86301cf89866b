//! Gradients, with upstream gradients of every form.

use super::{eval, file};
use crate::ENGINES;
use crate::common::{Array, Folder, arrays, safetensors, text};
use crate::reduce::{contains, floats};

/// sigmoid(x) - t.
const BINARY: [f32; 6] = [-0.5, 0.880_797, -0.731_058_6, 0.622_459_3, 0.047_425_87, -0.268_941_4];

/// The arrays that are written, on each CPU engine.
#[track_caller]
fn written(file: &str, line: &str, check: impl Fn(&[Array])) {
    for engine in ENGINES {
        let folder = Folder::new();
        let path = folder.path("out.safetensors");
        let out = text(&path);
        let run = eval(file, &format!("{line} --gradient --device {engine} --out {out}"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        check(&arrays(&path));
    }
}

fn gradient(all: &[Array]) -> &Array {
    all.iter().find(|array| array.name == "gradient").expect("a gradient")
}

#[test]
fn gradients_of_every_reduction() {
    let folder = Folder::new();
    let file = file(&folder);
    for (line, factors) in [
        ("--reduction sum", [1.0; 6]),
        ("--reduction mean", [1.0 / 6.0; 6]),
        ("--reduction batch-mean", [0.5; 6]),
        ("--reduction sum --upstream -2.5", [-2.5; 6]),
        ("--reduction sum --weights w", [1.0, 0.0, 2.0, 0.5, 1.0, 3.0]),
        ("--reduction weighted-mean --weights v", [1.0, 1.0, 1.0, 3.0, 3.0, 3.0].map(|w| w / 12.0)),
        ("--reduction sum --axis row --upstream v", [1.0, 1.0, 1.0, 3.0, 3.0, 3.0]),
        ("--reduction sum --axis column --upstream u", [2.0, 1.0, 0.5, 2.0, 1.0, 0.5]),
        ("--reduction none --upstream w", [1.0, 0.0, 2.0, 0.5, 1.0, 3.0]),
    ] {
        let mut expected = BINARY;
        expected.iter_mut().zip(factors).for_each(|(it, factor)| *it *= factor);
        written(&file, &format!("binary-cross-entropy FILE {line}"), |all| {
            contains(gradient(all), "gradient", &[2, 3], &expected);
        });
    }
}

/// Of a variance of each element there is a gradient, too.
#[test]
fn gradients_of_variances() {
    let folder = Folder::new();
    let file = file(&folder);
    let line = "gaussian FILE --target numbers --reduction sum";
    written(&file, line, |all| {
        assert_eq!(all.len(), 3);
        contains(gradient(all), "gradient", &[2, 3], &[-1.0, 6.0, -0.5, -6.0, -0.875, -16.0]);
        let expected = [0.0, -17.0, 0.125, -16.0, -0.257_812_5, -124.0];
        contains(&all[2], "variance_gradient", &[2, 3], &expected);
    });
    written(&file, &format!("{line} --variance variances"), |all| assert_eq!(all.len(), 2));
    let json = eval(&file, &format!("{line} --gradient --device cpu --json")).json();
    assert_eq!((&json["gradient"], &json["variance_gradient"]), (&true.into(), &true.into()));
}

#[test]
fn gradients_have_the_type_that_was_asked_for() {
    let folder = Folder::new();
    let file = file(&folder);
    let line = "squared-error FILE --target numbers --reduction sum --gradient-element bf16";
    written(&file, line, |all| {
        assert_eq!(gradient(all).dtype, "BF16");
        contains(gradient(all), "gradient", &[2, 3], &[-2.0, 6.0, -2.0, -3.0, -7.0, -4.0]);
    });
}

/// One number in a tensor is a factor of everything; more are refused.
#[test]
fn factors_of_one_result() {
    let folder = Folder::new();
    let tensors = [
        ("input", "F32", &[1, 2][..], floats(&[1.0, 2.0])),
        ("target", "F32", &[1, 2], floats(&[0.0; 2])),
        ("one", "F32", &[], floats(&[4.0])),
        ("two", "F32", &[2], floats(&[4.0, 5.0])),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let line = "squared-error FILE --reduction sum --upstream";
    written(&file, &format!("{line} one"), |all| {
        contains(gradient(all), "gradient", &[1, 2], &[8.0, 16.0]);
    });
    eval(&file, &format!("{line} two --gradient --device cpu"))
        .fails_with("upstream gradient: expected 1 number, found 2");
}
