//! What is refused, by name.

use super::{eval, file};
use crate::common::{Folder, npy};
use crate::reduce::floats;

#[test]
fn operands_that_do_not_fit_are_named() {
    let folder = Folder::new();
    let file = file(&folder);
    for (line, part) in [
        (
            "binary-cross-entropy FILE --target v",
            "target: expected f32, f16, bf16 or f64 [2, 3], shaped as the input, found `v` f32 [2]",
        ),
        ("squared-error FILE --target nothing", "no tensor `nothing`"),
        ("squared-error FILE --input nothing", "no tensor `nothing`"),
        ("squared-error FILE --target missing.npy", "missing.npy"),
        ("gaussian FILE --variance nothing", "no tensor `nothing`"),
        ("binary-cross-entropy FILE --positive-weights nothing", "no tensor `nothing`"),
        ("binary-cross-entropy FILE --label-smoothing 2", "label smoothing: expected 0 to 1"),
        ("binary-cross-entropy FILE --threshold inf", "threshold"),
        ("huber FILE --delta 0", "Huber loss: delta: expected a finite number above 0"),
        ("sigmoid-focal FILE --gamma -1", "sigmoid focal loss: gamma"),
        ("gaussian FILE --epsilon 0", "Gaussian negative log-likelihood: epsilon"),
        ("squared-error FILE --reduction batch-mean --axis row", "axis: expected All"),
        ("squared-error FILE --gradient --upstream w", "upstream gradient"),
    ] {
        eval(&file, &format!("{line} --device cpu")).fails_with(part);
    }
}

#[test]
fn a_file_of_one_array_has_no_target() {
    let folder = Folder::new();
    let file = folder.write("x.npy", &npy("<f4", false, "(2, 3)", &floats(&[0.5; 6])));
    let run = eval(&file, "squared-error FILE --device cpu");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let part = "give the file of the target after it or by --target";
    assert!(run.stderr.contains(part), "{}", run.stderr);
}

#[test]
fn options_of_other_losses_are_bad_usage() {
    let folder = Folder::new();
    let file = file(&folder);
    for line in [
        "squared-error FILE --threshold 1",
        "squared-error FILE --label-smoothing 0.1",
        "entropy FILE --target target",
        "kl-divergence FILE --probabilities",
        "binary-cross-entropy FILE --probabilities --positive-weights u",
        "poisson FILE --epsilon 1",
        "huber FILE --alpha 1",
        "squared-error FILE --reduction median",
        "squared-error FILE --upstream 2",
        "squared-error FILE --weights-axis row",
    ] {
        let run = eval(&file, line);
        assert_eq!(run.code, Some(2), "{line}: {}", run.stderr);
        assert!(run.stderr.contains("--help"), "{line}: {}", run.stderr);
    }
}
