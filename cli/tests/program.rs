//! Usage, closed pipes, and machines without an adapter.

mod common;

use std::process::Stdio;

use common::{Folder, Run, logits, npy, pair, program, run, text, without_adapter};

#[test]
fn bad_usage_has_exit_code_2() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let rows = folder.write("logits.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let cases: [&[&str]; 27] = [
        &["frobnicate"],
        &["eval"],
        &["eval", "cross-entropy"],
        &["eval", "cross-entropy", &file, "--device", "abacus"],
        &["eval", "cross-entropy", &file, "--reduction", "median"],
        &["eval", "cross-entropy", &file, "--ignore-index", "x"],
        &["eval", "cross-entropy", &file, "--upstream", "2"],
        &["eval", "cross-entropy", &file, "--gradient", "--upstream", "two"],
        &["eval", "cross-entropy", &file, "a.npy", "--targets-file", "b.npy"],
        &["eval", "cross-entropy", &rows, "--device", "cpu"],
        &["eval", "cross-entropy", &file, "--label-smoothing", "some"],
        &["eval", "cross-entropy", &file, "--softcap", "none"],
        &["eval", "cross-entropy", &file, "--z-loss"],
        &["eval", "cross-entropy", &file, "--logit-scale", "x"],
        &["eval", "cross-entropy", &file, "--mode", "loose"],
        &["eval", "cross-entropy", &file, "--mode", "strict", "--masked"],
        &["eval", "cross-entropy", &file, "--rows", "loss,losses"],
        &["eval", "cross-entropy", &file, "--rows", ""],
        &["eval", "cross-entropy", &file, "--class-axis", "last"],
        &["eval", "cross-entropy", &file, "--gradient-element", "f16"],
        &["eval", "cross-entropy", &file, "--gradient", "--gradient-element", "f64"],
        &["eval", "cross-entropy", &file, "--targets", "y", "--probabilities", "q"],
        &["eval", "cross-entropy", &rows, &rows, "--class-weights", "w", "--device", "cpu"],
        &["eval", "cross-entropy", &rows, &rows, "--row-weights", "v", "--device", "cpu"],
        &["eval", "softmax", &rows, "--upstream-tensor", "g", "--device", "cpu"],
        &["eval", "log-softmax", &rows, "--gradient"],
        &["verify", "--fast"],
    ];
    for arguments in cases {
        let run = run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("--help"), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn help_and_version_succeed() {
    assert_eq!(run(&["--help"]).code, Some(0));
    let version = run(&["--version"]);
    assert_eq!(version.stdout, concat!("wgpu-loss ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    for arguments in [vec!["eval", "cross-entropy", &file, "--device", "cpu"], vec!["--help"]] {
        let mut child = program()
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let run = Run::from(child.wait_with_output().expect("it ends"));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let output =
        program().args(["eval", "cross-entropy", &file, "--device", "cpu"]).stdout(full).output();
    Run::from(output.expect("the program starts")).fails_with("standard output");
}

fn run_without_adapter(arguments: &[&str]) -> Run {
    without_adapter().args(arguments).output().expect("the program starts").into()
}

#[test]
fn without_an_adapter_auto_falls_back_and_gpu_does_not() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let auto = run_without_adapter(&["eval", "cross-entropy", &file, "--json"]);
    assert_eq!(auto.json()["device"], "cpu");
    assert!(auto.stderr.contains("note: no GPU adapter found"), "{}", auto.stderr);
    let out = text(&folder.path("out.safetensors"));
    run_without_adapter(&["eval", "cross-entropy", &file, "--device", "gpu", "--out", &out])
        .fails_with("no GPU adapter found");
    run_without_adapter(&["--adapter", "unobtainium", "eval", "log-sum-exp", &file])
        .fails_with("unobtainium");
    assert_eq!(folder.names(), ["pair.safetensors"]);
}

#[test]
fn the_variable_that_chose_the_backend_is_named() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let absent = if cfg!(windows) { "metal" } else { "dx12" };
    for (backend, part) in [(absent, "allows no other backend"), ("vulcan", "names no backend")] {
        let mut program = program();
        program.env("WGPU_BACKEND", backend).args(["eval", "cross-entropy", &file]);
        let run = Run::from(program.args(["--device", "gpu"]).output().expect("it starts"));
        run.fails_with(&format!("WGPU_BACKEND={backend:?} {part}"));
    }
}

#[test]
fn without_an_adapter_verify_checks_the_cpu_and_says_so() {
    let gpu = run_without_adapter(&["verify", "--json"]);
    assert_eq!(gpu.code, Some(1), "{}", gpu.stderr);
    assert!(gpu.stderr.contains("no kernel was verified"), "{}", gpu.stderr);
    let json: serde_json::Value = serde_json::from_str(&gpu.stdout).expect("JSON");
    assert_eq!((&json["adapter"], &json["failed"]), (&serde_json::Value::Null, &0.into()));
    assert!(json["checked"].as_u64() > Some(0));
    let cpu = run_without_adapter(&["verify", "--device", "cpu", "--json"]);
    assert!(cpu.json()["engine"].as_str().is_some_and(|name| name.contains("cpu")));
}

#[test]
fn without_an_adapter_the_report_is_the_cpu_part() {
    let run = run_without_adapter(&[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in ["Adapter: none", "cpu::Fast", "scikit-learn", "all passed", "65536 x 10"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    fits_80_columns(&run.stdout);
    let adapters = run_without_adapter(&["adapters", "--json"]);
    assert_eq!(adapters.json()["adapters"], serde_json::json!([]));
    assert!(adapters.stderr.contains("no GPU adapter found"), "{}", adapters.stderr);
}

#[track_caller]
fn fits_80_columns(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
