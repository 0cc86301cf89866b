//! Standard input, FIFOs and process substitution.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::MEAN;
use super::archives::archive;
use crate::common::{Folder, Run, bytes, close, logits, npy, pair, program, safetensors, text};
use crate::{ENGINES, cross_entropy};

/// Runs with these bytes on standard input, through a pipe.
fn piped(arguments: &[&str], bytes: &[u8]) -> Run {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Whoever refuses what it reads may close it early.
    let _ = stdin.write_all(bytes);
    drop(stdin);
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn every_format_comes_through_a_pipe() {
    let folder = Folder::new();
    let targets =
        folder.write("t.npy", &npy("<i8", false, "(3,)", &bytes(&[0, 1, 1], i64::to_le_bytes)));
    let rows = npy("<f4", false, "(3, 2)", &logits());
    let tensors = [("x", "F32", &[3, 2][..], logits())];
    let stored = archive(zip::CompressionMethod::Stored, &[("x.npy", rows.clone())]);
    let deflated = archive(zip::CompressionMethod::Deflated, &[("x.npy", rows.clone())]);
    for whole in [rows, safetensors(&tensors), stored, deflated] {
        for device in ["cpu", "oracle"] {
            let line = ["eval", "cross-entropy", "-", &targets, "--device", device, "--json"];
            close(&piped(&line, &whole).json()["loss"], MEAN);
        }
    }
    let llama = include_bytes!("../../data/llama_logits_261x93.kld");
    let out = piped(&["eval", "cross-entropy", "-", "--device", "cpu", "--json"], llama).json();
    close(&out["loss"], 6.052_148_577_298_794);
    assert_eq!(out["file"], "standard input");
    // More than a pipe holds at a time.
    let many = npy("<f4", false, "(100000, 2)", &vec![0; 800_000]);
    let line = ["eval", "reduce", "-", "--statistic", "log-sum-exp", "--device", "cpu", "--json"];
    let out = piped(&line, &many).json();
    close(&out["values"][0], 200_000.0_f64.ln());
}

#[test]
fn any_operand_may_be_standard_input() {
    let folder = Folder::new();
    let rows = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let targets = npy("|u1", false, "(3,)", &[0, 1, 1]);
    for line in [&[&*rows, "-"][..], &[&rows, "--targets", "-"], &[&rows, "--targets-file", "-"]] {
        let line = [&["eval", "cross-entropy", "--device", "cpu", "--json"], line].concat();
        close(&piped(&line, &targets).json()["loss"], MEAN);
    }
    let weights = npy("<f8", false, "(3,)", &bytes(&[0.0, 1.0, 0.0], f64::to_le_bytes));
    for line in [&[&*rows, "-"][..], &[&rows, "--weights", "-"]] {
        let line = [&["eval", "reduce", "--device", "cpu", "--json"], line].concat();
        close(&piped(&line, &weights).json()["values"][0], 3.0);
    }
}

#[test]
fn at_most_one_operand_is_standard_input() {
    let folder = Folder::new();
    let file = folder.write("file.safetensors", &pair());
    let whole = pair();
    for (line, part) in [
        (&["cross-entropy", "-", "-"][..], "at most one operand `-`, found LOGITS and targets"),
        (&["cross-entropy", "-", "--row-weights", "-"], "found LOGITS and row weights"),
        (
            &["cross-entropy", &file, "--class-weights", "-", "--row-weights", "-"],
            "found class weights and row",
        ),
        (&["cross-entropy", "-", "--and", "-"], "found LOGITS and --and"),
        (&["softmax-kl-divergence", "-", "-"], "found LOGITS and teacher"),
        (&["squared-error", "-", "-"], "found INPUT and target"),
        (&["reduce", "-", "-"], "found VALUES and weights"),
    ] {
        let run = piped(&[&["eval"], line, &["--device", "cpu"]].concat(), &whole);
        assert_eq!(run.code, Some(2), "{line:?}: {}", run.stderr);
        assert!(run.stderr.contains(part), "{line:?}: {}", run.stderr);
    }
}

#[test]
fn what_a_pipe_brings_is_refused_by_name() {
    for (bytes, part) in [
        (b"".as_slice(), "standard input: an empty file"),
        (b"PAR1", "standard input: a Parquet file"),
        (b"\x93NUMPY\x01", "standard input: truncated inside the .npy header"),
    ] {
        piped(&["eval", "log-sum-exp", "-", "--device", "cpu"], bytes).fails_with(part);
    }
}

#[test]
fn a_redirected_file_and_process_substitution() {
    let folder = Folder::new();
    let rows = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let targets =
        folder.write("t.npy", &npy("<i2", false, "(3,)", &bytes(&[0, 1, 1], i16::to_le_bytes)));
    let program = env!("CARGO_BIN_EXE_wgpu-loss");
    let fixed = "--device cpu --json";
    for line in [
        format!("'{program}' eval cross-entropy - '{targets}' {fixed} < '{rows}'"),
        format!("'{program}' eval cross-entropy <(cat '{rows}') <(cat '{targets}') {fixed}"),
        format!(
            "'{program}' eval cross-entropy /dev/stdin --targets <(cat '{targets}') {fixed} < '{rows}'"
        ),
        // From the middle of a file on.
        format!(
            "cat '{targets}' '{rows}' > '{rows}.both'; exec < '{rows}.both'; \
             dd bs=$(stat -c %s '{targets}') count=1 of=/dev/null 2> /dev/null; \
             '{program}' eval cross-entropy - '{targets}' {fixed}"
        ),
    ] {
        let output = Command::new("bash").args(["-c", &line]).output().expect("bash");
        close(&Run::from(output).json()["loss"], MEAN);
    }
    // A FIFO with a name.
    for device in ENGINES {
        let fifo = folder.path(device);
        let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
        assert!(made.success());
        let writer = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::write(fifo, npy("|b1", false, "(3, 1)", &[0, 1, 1]))
        });
        let fifo = text(&fifo);
        let line = ["--device", device, "--json", &rows, "--targets", &fifo];
        close(&cross_entropy(&line).json()["loss"], MEAN);
        writer.join().expect("it ends").expect("written");
    }
}
