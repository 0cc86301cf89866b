//! Output files: whole, or not there.

use crate::common::{Folder, arrays, logits, npy, pair, run, safetensors, text};
use crate::cross_entropy;

#[test]
fn the_output_file_holds_rows_and_gradient() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let out = folder.path("out.safetensors");
    let options = ["--gradient", "--upstream", "-2", "--reduction", "sum", "--device", "oracle"];
    let run = cross_entropy(&[&[file.as_str(), "--out", &text(&out)], options.as_slice()].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let written = arrays(&out);
    let names: Vec<_> =
        written.iter().map(|it| (it.name.as_str(), it.dtype, it.shape.as_slice())).collect();
    let expected: [(&str, &str, &[usize]); 4] = [
        ("argmax", "U32", &[3]),
        ("gradient", "F32", &[3, 2]),
        ("log_sum_exp", "F32", &[3]),
        ("loss", "F32", &[3]),
    ];
    assert_eq!(names, expected);
    let p = 1.0 / (1.0 + 2.0_f32.exp());
    let gradient = [2.0 * p, -2.0 * p, 0.0, 0.0, -1.0, 1.0];
    for (found, expected) in written[1].values.iter().zip(gradient) {
        assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
    }
    assert_eq!(written[3].values[1], 0.0);
    assert_eq!(written[0].values, [0.0, 1.0, 0.0]);
    assert_eq!(folder.names(), ["out.safetensors", "pair.safetensors"]);

    // Overwriting is whole too, and a file may be replaced by what was computed from it.
    let run = cross_entropy(&[&file, "--out", &file, "--device", "cpu"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(arrays(&folder.path("pair.safetensors")).len(), 3);
}

#[test]
fn log_sum_exp_writes_too() {
    let folder = Folder::new();
    let file = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let out = folder.path("out.safetensors");
    let run =
        run(&["eval", "log-sum-exp", &file, "--gradient", "--out", &text(&out), "--device", "cpu"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let written = arrays(&out);
    assert_eq!(written.len(), 2);
    let sums: Vec<f32> = written[0].values.chunks(2).map(|row| row.iter().sum()).collect();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{sums:?}");
}

#[test]
fn nothing_is_written_where_something_fails() {
    let folder = Folder::new();
    let wrong = safetensors(&[
        ("logits", "F32", &[3, 2], logits()),
        ("targets", "U8", &[3], vec![0, 7, 1]),
    ]);
    let file = folder.write("wrong.safetensors", &wrong);
    let existing = folder.write("existing.safetensors", b"precious");
    for out in [existing.clone(), text(&folder.path("new.safetensors"))] {
        cross_entropy(&[&file, "--out", &out, "--device", "cpu"])
            .fails_with("target of row 1 is 7");
    }
    assert_eq!(std::fs::read(&existing).expect("still there"), b"precious");
    let good = folder.write("pair.safetensors", &pair());
    for out in ["missing/out.safetensors", "pair.safetensors/out.safetensors", "."] {
        let out = text(&folder.path(out));
        cross_entropy(&[&good, "--out", &out, "--device", "cpu"]).fails_with("cannot be written");
    }
    assert_eq!(folder.names(), ["existing.safetensors", "pair.safetensors", "wrong.safetensors"]);
}

/// A file of zeros that the file system doesn't store.
#[cfg(unix)]
fn zeros(folder: &Folder, rows: u64, classes: u64) -> String {
    let header = npy("<f4", false, &format!("({rows}, {classes})"), &[]);
    let file = folder.write("zeros.npy", &header);
    let size = header.len() as u64 + 4 * rows * classes;
    let sparse = std::fs::OpenOptions::new().write(true).open(&file).expect("writable");
    sparse.set_len(size).expect("a sparse file");
    file
}

/// Memory for anything but the file's pages is limited to less than the gradient takes.
#[cfg(target_os = "linux")]
#[test]
fn the_gradient_is_not_held_in_memory() {
    let folder = Folder::new();
    let (rows, classes) = (48_000, 1000);
    let file = zeros(&folder, rows, classes);
    let targets =
        folder.write("y.npy", &npy("|u1", false, &format!("({rows},)"), &vec![7; rows as usize]));
    let out = text(&folder.path("out.safetensors"));
    let limited = |limit_kib: u64, arguments: &[&str]| {
        let program = crate::common::program();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("ulimit -d {limit_kib}; exec \"$@\""), "sh"]);
        shell.arg(program.get_program()).args(arguments).env("WGPU_LOSS_TUNING", "");
        crate::common::Run::from(shell.output().expect("a shell"))
    };
    let gradient_kib = 4 * rows * classes / 1024;
    let arguments =
        ["eval", "cross-entropy", &file, &targets, "--gradient", "--device", "cpu", "--json"];
    let written = limited(gradient_kib * 2 / 3, &[&arguments[..], &["--out", &out]].concat());
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let length = std::fs::metadata(&out).expect("written").len();
    assert!(length > 4 * rows * classes, "{length}");
    // The limit is one: in memory the gradient finds no room.
    let held = limited(gradient_kib * 2 / 3, &arguments);
    held.fails_with("out of memory");
    assert_eq!(folder.names(), ["out.safetensors", "y.npy", "zeros.npy"]);
}

/// No room for the gradient is an error, and nothing is left behind.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = Folder::new();
    let file = zeros(&folder, 100_000, 1000);
    let targets = folder.write("y.npy", &npy("|u1", false, "(100000,)", &[7; 100_000]));
    let out = text(&folder.path("out.safetensors"));
    let mut shell = std::process::Command::new("sh");
    // A limit of a file's size stands in for that of the disk.
    shell.args(["-c", "ulimit -f 1000; exec \"$@\"", "sh"]);
    shell.arg(crate::common::program().get_program());
    shell.args(["eval", "cross-entropy", &file, &targets, "--gradient", "--device", "cpu"]);
    let run = crate::common::Run::from(shell.args(["--out", &out]).output().expect("a shell"));
    run.fails_with("cannot be written: file too large");
    assert_eq!(folder.names(), ["y.npy", "zeros.npy"]);
}

/// A file that takes the oracle long.
#[cfg(unix)]
#[test]
fn an_interrupted_program_leaves_nothing_behind() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let folder = Folder::new();
    let file = zeros(&folder, 1_000_000, 1000);
    let short = folder.path("y.npy");
    std::fs::write(&short, npy("|u1", false, "(1000000,)", &[0; 1_000_000])).expect("written");
    let short = text(&short);
    let out = text(&folder.path("out.safetensors"));
    // Whole at its end, and while its gradient is written in place.
    let whole = ["log-sum-exp", file.as_str()];
    let in_place = ["cross-entropy", &file, &short, "--gradient", "--gradient-element", "f16"];
    for (signal, code, arguments) in
        [("INT", 130, &whole[..]), ("TERM", 143, &whole), ("HUP", 129, &in_place)]
    {
        let mut child = crate::common::with_usual_signals(&crate::common::program())
            .arg("eval")
            .args(arguments)
            .args(["--device", "oracle", "--out", &out])
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        // Until its output has begun.
        let start = Instant::now();
        while folder.names().len() < 3 {
            assert!(start.elapsed() < Duration::from_secs(60), "no output begun");
            std::thread::sleep(Duration::from_millis(10));
        }
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill is there").success());
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "SIG{signal}");
        assert_eq!(folder.names(), ["y.npy", "zeros.npy"]);
    }
}
