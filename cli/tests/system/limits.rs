//! Limits of files and of threads.

use std::fs;

use crate::common::{Run, npy, program, text};
use crate::{GRADIENT, after, evaluated};

#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let (folder, input, _) = evaluated(&GRADIENT);
    // Some kilobytes of results.
    let large = folder.write("large.npy", &npy("<f4", false, "(3000, 2)", &[0; 24_000]));
    let out = text(&folder.path("out"));
    let limited = |preparation: &str, arguments: &[&str]| {
        let output = after(preparation).args(arguments).current_dir(folder.path("")).output();
        Run::from(output.expect("a shell"))
    };
    let names = folder.names();
    for blocks in [0, 1, 8] {
        let limit = format!("ulimit -f {blocks}");
        for options in [&[][..], &["--gradient"], &["--gradient", "--gradient-element", "bf16"]] {
            let call = ["eval", "log-sum-exp", &large, "--device", "cpu", "--out"];
            let run = limited(&limit, &[&call[..], &[&out], options].concat());
            run.fails_with("out: cannot be written: file too large");
            assert_eq!(folder.names(), names);
        }
        let call = ["eval", "softmax", &large, "--device", "cpu", "--out", &out];
        limited(&limit, &call).fails_with("file too large");
        assert_eq!(folder.names(), names);
    }
    // What was there before stays.
    fs::write(&out, "precious").expect("written");
    let call = ["eval", "log-sum-exp", &large, "--gradient", "--device", "cpu", "--out", &out];
    limited("ulimit -f 1", &call).fails_with("file too large");
    assert_eq!(fs::read(&out).expect("there"), b"precious");
    // Standard output is a file, too.
    let call = ["eval", "cross-entropy", &input, "--device", "cpu"];
    let run = limited("ulimit -f 0; exec > report", &call);
    run.fails_with("standard output: file too large");
}

/// A thread's stack that fits no memory stands for a limit of threads, which holds for no superuser.
#[test]
fn without_threads_the_caller_does_all() {
    let (folder, input, expected) = evaluated(&GRADIENT);
    let alone = |arguments: &[&str]| {
        let mut program = crate::common::without_adapter();
        program.env("RUST_MIN_STACK", (1_u64 << 47).to_string()).args(arguments);
        Run::from(program.output().expect("the program starts"))
    };
    let out = text(&folder.path("out"));
    let call = ["eval", "cross-entropy", &input, "--out", &out, "--json"];
    let run = alone(&[&call[..], &GRADIENT].concat());
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    assert_eq!(run.json()["engine"], "cpu::Fast, 1 thread");
    assert_eq!(fs::read(&out).expect("written"), expected);
    // More than one thread's share.
    let rows: Vec<u8> = (0..400_000_u32).flat_map(|at| (at as f32).sin().to_le_bytes()).collect();
    let large = folder.write("large.npy", &npy("<f4", false, "(4000, 100)", &rows));
    let operations: [&[&str]; 4] = [
        &["log-sum-exp", &large],
        &["reduce", &large, "--statistic", "sum", "--axis", "column"],
        &["softmax", &large],
        &["squared-error", &large, "--target", &large],
    ];
    for operation in operations {
        let all = [&["eval"], operation, &["--device", "cpu", "--json"]].concat();
        let (alone, usual) = (alone(&all), program().args(&all).output().expect("it starts"));
        assert!(!alone.stderr.contains("panicked"), "{}", alone.stderr);
        let (mut alone, mut usual) = (alone.json(), Run::from(usual).json());
        for json in [&mut alone, &mut usual] {
            for name in ["engine", "seconds", "gigabytes_per_second"] {
                json.as_object_mut().expect("an object").remove(name);
            }
        }
        assert_eq!(alone, usual);
    }
    let bench = ["bench", "--quick", "--shape", "64x10", "--op", "fused", "--footprint", "1"];
    let run = alone(&bench);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}
