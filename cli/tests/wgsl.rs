//! `wgpu-loss wgsl`: the kernels of every operation as text, which needs no adapter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn wgsl(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgpu-loss"));
    // No driver is looked for: `noop` names none of them.
    command.arg("wgsl").args(arguments.split_whitespace()).env("WGPU_BACKEND", "noop");
    command.output().expect("the program runs")
}

fn text(arguments: &str) -> String {
    let Output { status, stdout, stderr } = wgsl(arguments);
    assert!(status.success(), "{arguments}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

fn refused(arguments: &str) -> String {
    let Output { status, stdout, stderr } = wgsl(arguments);
    assert_eq!(status.code(), Some(2), "{arguments}");
    assert!(stdout.is_empty(), "{arguments}");
    String::from_utf8(stderr).expect("text")
}

fn linked() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders/linked")
}

/// The kernels that are committed as they are linked: whoever changes a module sees what that changes.
#[test]
fn canonical_kernels_are_those_that_are_committed() {
    let mut number = 0;
    for entry in fs::read_dir(linked()).expect("shaders/linked") {
        let path = entry.expect("an entry").path();
        let committed = fs::read_to_string(&path).expect("a text");
        let (command, _) = committed.split_once('\n').expect("lines");
        let arguments = command.strip_prefix("// wgpu-loss wgsl ").unwrap_or_else(|| {
            panic!("{}: expected its command in the first line, found {command:?}", path.display())
        });
        let found = format!("{command}\n{}", text(arguments));
        assert!(
            committed.replace("\r\n", "\n") == found,
            "{} is another now: `cargo xtask wgsl` writes it anew",
            path.display()
        );
        number += 1;
    }
    assert!(number >= 12, "{number} kernels");
}

const OPERATIONS: [(&str, &str); 20] = [
    ("cross-entropy", "--class-weights --row-weights --row-values loss,target-rank --correct"),
    ("cross-entropy", "--probabilities --reduction none"),
    ("log-sum-exp", ""),
    ("softmax", ""),
    ("log-softmax", "--result-element f32"),
    ("reduce", "--statistic mean --weights --axis row"),
    ("reduce", "--statistic sum --segment-ids --segments 7"),
    ("softmax-focal", "--row-values --class-weights"),
    ("softmax-kl-divergence", "--row-weights --temperature 3"),
    ("softmax-jensen-shannon", "--reduction none"),
    ("binary-cross-entropy", "--threshold 0.5 --positive-weights --positive-weights-axis column"),
    ("sigmoid-focal", "--weights --weights-axis row"),
    ("kl-divergence", "--log-target"),
    ("squared-error", "--reduction weighted-mean --weights"),
    ("absolute-error", "--axis column"),
    ("huber", "--delta 2"),
    ("poisson", "--full"),
    ("gaussian", "--variance-axis row"),
    ("entropy", "--axis row"),
    ("cross-entropy-of-probabilities", "--reduction none"),
];

/// Every operation and pass, on every element type and a few shapes; what is printed says which
/// dispatch does what, and every text is there once.
#[test]
fn every_operation_is_printed() {
    let shapes = [
        "--rows 5 --classes 3",
        "--rows 12 --classes 700 --inner 4 --web",
        "--rows 2 --classes 70000",
    ];
    for (number, (operation, options)) in OPERATIONS.into_iter().enumerate() {
        let is_segmented = options.contains("segment");
        let gradient = match (operation, is_segmented) {
            ("softmax" | "log-softmax", _) => "--upstream",
            (_, true) => "",
            _ => "--gradient",
        };
        for (turn, shape) in shapes.into_iter().enumerate() {
            // Segments are of rows that follow one another.
            let shape =
                if is_segmented { shape.replace("--inner 4", "") } else { shape.to_owned() };
            let element = ["f32", "f16", "bf16"][(number + turn) % 3];
            let place = ["separate", "in-place"][turn % 2];
            let takes_place = place == "separate" || !options.contains("element");
            let place = if takes_place { place } else { "separate" };
            for gradient in ["", gradient] {
                let line = format!(
                    "{operation} {options} {gradient} {shape} --element {element} --place {place}"
                );
                let text = text(&line);
                let dispatches = text.matches("\n// ==== dispatch ").count();
                assert!(dispatches > 0, "{line}");
                assert_eq!(text.matches("\n// workgroups: ").count(), dispatches, "{line}");
                assert_eq!(text.matches("\n// uniforms: ").count(), dispatches, "{line}");
                let again = text.matches("\n// its text stands above").count();
                assert_eq!(text.matches("@compute").count(), dispatches - again, "{line}");
            }
        }
    }
}

#[test]
fn what_has_no_meaning_for_a_plan_is_refused_by_name() {
    for (line, words) in [
        ("cross-entropy logits.npy", "reads and writes no arrays"),
        ("log-sum-exp --out a.safetensors", "found out"),
        ("softmax-focal --pass backward", "no backward by itself"),
        ("softmax --pass fused", "expected forward or backward"),
        ("cross-entropy --dispatch 0", "expected a number from 1 to"),
        ("cross-entropy --dispatch 99", "expected a number from 1 to"),
        ("cross-entropy --rows 10000000 --classes 100000", "expected operands of at most 1 GiB"),
        ("cross-entropy --subgroups 3", "a power of two"),
        ("reduce --statistic sum --correction 1", "--correction is for"),
    ] {
        let message = refused(line);
        assert!(message.contains(words), "{line}: {message}");
    }
}

#[test]
fn a_number_that_the_kernel_is_told_stands_under_its_name() {
    let of_smoothing = text("cross-entropy --label-smoothing 0.5 --classes 100 --rows 7 --web");
    assert!(of_smoothing.contains(" rows = 7u;"), "{of_smoothing}");
    assert!(of_smoothing.contains(" target_share = 0.5f;"), "{of_smoothing}");
    let of_classes =
        text("cross-entropy --element bf16 --class-weights --gradient --upstream -2.5");
    assert!(of_classes.contains(" upstream = -2.5f;"), "{of_classes}");
    assert!(of_classes.contains("read       class_weights: bytes 0 to 4000"), "{of_classes}");
}
