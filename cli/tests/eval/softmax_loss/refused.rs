//! What is refused, by name.

use super::{LOGITS, eval, file};
use crate::common::{Folder, npy};
use crate::reduce::floats;

#[test]
fn operands_and_options_that_do_not_fit_are_named() {
    let folder = Folder::new();
    let file = file(&folder);
    for (line, part) in [
        (
            "softmax-kl-divergence FILE --teacher v",
            "teacher: expected f32, f16, bf16 or f64 [4, 3], shaped as the logits, found `v` f32 [4]",
        ),
        ("softmax-kl-divergence FILE --teacher nothing", "no tensor `nothing`"),
        ("softmax-jensen-shannon FILE --teacher missing.npy", "missing.npy"),
        ("softmax-jensen-shannon FILE --row-weights targets", "row weights: expected f32"),
        (
            "softmax-kl-divergence FILE --row-weights alpha",
            "KL divergence of logits: number of row weights: expected 4, one per row, found 3",
        ),
        (
            "softmax-focal FILE --class-weights v",
            "softmax focal loss: number of class weights: expected 3, one per class, found 4",
        ),
        ("softmax-focal FILE --targets nothing", "no tensor `nothing`"),
        (
            "softmax-focal FILE --targets out",
            "softmax focal loss: target of row 3 is 3, expected 0 to 2",
        ),
        ("softmax-focal FILE --gamma -1", "softmax focal loss: gamma: expected a finite number"),
        ("softmax-focal FILE --label-smoothing 2", "label smoothing: expected 0 to 1"),
        ("softmax-focal FILE --probabilities q --ignore-index 1", "ignore index: expected none"),
        (
            "softmax-jensen-shannon FILE --temperature 0",
            "Jensen-Shannon divergence of logits: temperature: expected 1e-15 to 1e15, found 0",
        ),
        ("softmax-kl-divergence FILE --temperature -1", "temperature"),
        (
            "softmax-focal FILE --gradient --upstream g",
            "upstream gradient: expected 1 number, found 4",
        ),
        ("softmax-focal FILE --gradient --upstream nothing", "no tensor `nothing`"),
        (
            "softmax-focal FILE --reduction none --gradient --upstream alpha",
            "softmax focal loss: upstream gradient: expected 4 values, one per row, found 3",
        ),
    ] {
        eval(&file, &format!("{line} --device cpu")).fails_with(part);
    }
}

#[test]
fn a_file_of_one_array_has_nothing_else() {
    let folder = Folder::new();
    let file = folder.write("x.npy", &npy("<f4", false, "(4, 3)", &floats(&LOGITS)));
    for (line, part) in [
        ("softmax-kl-divergence FILE", "give the file of the teacher after it or by --teacher"),
        ("softmax-focal FILE", "give the file of the targets after it or by --targets"),
    ] {
        let run = eval(&file, &format!("{line} --device cpu"));
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

#[test]
fn options_of_other_losses_are_bad_usage() {
    let folder = Folder::new();
    let file = file(&folder);
    for line in [
        "softmax-kl-divergence FILE --gamma 1",
        "softmax-kl-divergence FILE --targets targets",
        "softmax-jensen-shannon FILE --label-smoothing 0.1",
        "softmax-jensen-shannon FILE --class-weights alpha",
        "softmax-focal FILE --teacher teacher",
        "softmax-focal FILE --z-loss 1",
        "softmax-focal FILE --and FILE",
        "softmax-focal FILE --upstream 2",
        "softmax-focal FILE --reduction weighted-mean",
        "softmax-focal FILE --targets targets --probabilities q",
    ] {
        let run = eval(&file, line);
        assert_eq!(run.code, Some(2), "{line}: {}", run.stderr);
        assert!(run.stderr.contains("--help"), "{line}: {}", run.stderr);
    }
}
