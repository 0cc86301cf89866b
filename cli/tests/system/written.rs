//! What `--out` may name beside ordinary files.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;

use crate::common::{Folder, Run, program, text};
use crate::{GRADIENT, after, evaluated, fifo};

fn eval(input: &str, options: &[&str], out: impl AsRef<OsStr>) -> Output {
    let mut program = program();
    program.args(["eval", "cross-entropy", input]).args(options).arg("--out").arg(out);
    program.output().expect("the program starts")
}

#[track_caller]
fn succeeds(input: &str, options: &[&str], out: impl AsRef<OsStr>) -> Run {
    let run = Run::from(eval(input, options, out));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

/// With a gradient, which is written in place where it can be, and without.
const FORMS: [&[&str]; 2] = [&GRADIENT, &["--device", "cpu"]];

#[test]
fn links_are_followed_and_stay() {
    for options in FORMS {
        let (folder, input, expected) = evaluated(options);
        fs::create_dir(folder.path("below")).expect("made");
        let links = [
            ("direct", "there"),
            ("chain", "direct"),
            ("dangling", "below/new"),
            ("up", "below/up"),
        ];
        for (link, target) in links {
            symlink(target, folder.path(link)).expect("linked");
        }
        symlink("../raised", folder.path("below/up")).expect("linked");
        folder.write("there", b"before");
        for (link, target) in
            [("direct", "there"), ("chain", "there"), ("dangling", "below/new"), ("up", "raised")]
        {
            succeeds(&input, options, folder.path(link));
            assert!(folder.path(link).is_symlink(), "{link}");
            assert_eq!(fs::read(folder.path(target)).expect("there"), expected, "{link}");
            fs::write(folder.path(target), "before").expect("written");
        }
    }
}

#[test]
fn a_file_keeps_its_mode_and_its_owner() {
    for options in FORMS {
        let (folder, input, expected) = evaluated(options);
        let mode = |name: &str| {
            fs::metadata(folder.path(name)).expect("there").permissions().mode() & 0o7777
        };
        for before in [0o600, 0o640, 0o444, 0o666, 0o755] {
            let path = folder.write("kept", b"before");
            fs::set_permissions(&path, Permissions::from_mode(before)).expect("allowed");
            succeeds(&input, options, &path);
            assert_eq!(mode("kept"), before, "{before:o}");
            assert_eq!(fs::read(&path).expect("there"), expected);
            fs::remove_file(path).expect("removed");
        }
        // Only some users may give files away; whoever may not keeps it.
        let path = folder.write("given", b"before");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("allowed");
        let _ = std::os::unix::fs::chown(&path, Some(65_533), Some(65_532));
        let owner = |path: &str| fs::metadata(path).map(|it| (it.uid(), it.gid())).expect("there");
        let before = owner(&path);
        succeeds(&input, options, &path);
        assert_eq!((owner(&path), mode("given")), (before, 0o640));
        // A new file is as open as any other.
        succeeds(&input, options, folder.path("new"));
        folder.write("usual", b"");
        assert_eq!(mode("new"), mode("usual"));
    }
}

#[test]
fn the_reader_of_a_fifo_gets_everything() {
    for options in FORMS {
        let (folder, input, expected) = evaluated(options);
        let path = folder.path("fifo");
        fifo(&path);
        let reader = {
            let path = path.clone();
            thread::spawn(move || fs::read(path).expect("readable"))
        };
        let run = succeeds(&input, options, &path);
        assert!(run.stdout.contains("loss"), "{}", run.stdout);
        assert_eq!(reader.join().expect("it ends"), expected);
        assert!(fs::symlink_metadata(path).expect("there").file_type().is_fifo());
    }
}

#[test]
fn what_fails_ends_the_reader_too() {
    let (folder, input, _) = evaluated(&GRADIENT);
    let path = folder.path("fifo");
    fifo(&path);
    let reader = thread::spawn({
        let path = path.clone();
        move || fs::read(path).expect("readable")
    });
    let options = ["--device", "cpu", "--label-smoothing", "7"];
    Run::from(eval(&input, &options, &path)).fails_with("label smoothing");
    assert_eq!(reader.join().expect("it ends"), b"");
}

#[test]
fn sockets_are_written_to() {
    for options in FORMS {
        let (folder, input, expected) = evaluated(options);
        let path = folder.path("socket");
        let listener = UnixListener::bind(&path).expect("bound");
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            listener.accept().expect("connected").0.read_to_end(&mut bytes).expect("read");
            bytes
        });
        succeeds(&input, options, &path);
        assert_eq!(reader.join().expect("it ends"), expected);
        // Nobody listens any more.
        Run::from(eval(&input, options, &path)).fails_with("refused");
    }
}

#[test]
fn devices_stay_devices() {
    for options in FORMS {
        let (folder, input, _) = evaluated(options);
        let link = folder.path("null");
        symlink("/dev/null", &link).expect("linked");
        succeeds(&input, options, &link);
        assert!(link.is_symlink());
        let null = fs::metadata(&link).expect("there").file_type();
        assert!(null.is_char_device());
        if cfg!(target_os = "linux") {
            Run::from(eval(&input, options, "/dev/full")).fails_with("No space left");
        }
    }
}

#[test]
fn standard_output_gets_the_arrays_and_standard_error_the_report() {
    for options in FORMS {
        let (folder, input, expected) = evaluated(options);
        for out in ["-", "/dev/stdout", "/dev/fd/1"] {
            let output = eval(&input, options, out);
            let report = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(0), "{report}");
            assert_eq!(output.stdout, expected, "{out}");
            assert!(report.contains("counted rows"), "{report}");
            let output = eval(&input, &[options, &["--json"]].concat(), out);
            assert_eq!(output.stdout, expected, "{out}");
            let json: serde_json::Value = serde_json::from_slice(&output.stderr).expect("JSON");
            assert_eq!((&json["out"], &json["counted"]), (&out.into(), &2.into()));
        }
        // Into a file that the shell opened: its bytes, wherever it was.
        let mut shell = after("printf before > kept; exec >> kept");
        shell.current_dir(folder.path("")).args(["eval", "cross-entropy", &input, "--out", "-"]);
        assert_eq!(shell.args(options).output().expect("a shell").status.code(), Some(0));
        let written = fs::read(folder.path("kept")).expect("there");
        assert_eq!(written, [b"before", expected.as_slice()].concat());
    }
}

#[test]
fn other_descriptors_are_written_to() {
    let (folder, input, expected) = evaluated(&GRADIENT);
    let run = |preparation: &str, out: &str| {
        let mut shell = after(preparation);
        shell.current_dir(folder.path("")).args(["eval", "cross-entropy", &input, "--out", out]);
        Run::from(shell.args(GRADIENT).stdin(Stdio::null()).output().expect("a shell"))
    };
    let written = run("exec 3> three", "/dev/fd/3");
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    assert!(written.stdout.contains("loss"), "{}", written.stdout);
    assert_eq!(fs::read(folder.path("three")).expect("there"), expected);
    run("exec 3< three", "/dev/fd/3").fails_with("/dev/fd/3: cannot be written");
    run("exec 3>&-", "/dev/fd/3").fails_with("cannot be written");
    assert_eq!(folder.names(), ["pair.safetensors", "three"]);
}

#[test]
fn a_reader_may_stop_early() {
    let (_folder, input, _) = evaluated(&GRADIENT);
    let mut child = program()
        .args(["eval", "cross-entropy", &input, "--out", "-"])
        .args(GRADIENT)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let run = Run::from(child.wait_with_output().expect("it ends"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn what_can_hold_no_results_is_refused() {
    let (folder, input, _) = evaluated(&GRADIENT);
    symlink("loop", folder.path("loop")).expect("linked");
    symlink("missing/file", folder.path("astray")).expect("linked");
    fs::create_dir(folder.path("folder")).expect("made");
    symlink("folder", folder.path("to-folder")).expect("linked");
    let before = folder.names();
    for (out, part) in [
        ("folder", "a directory"),
        ("to-folder", "a directory"),
        ("new/", "a directory"),
        ("new/.", "cannot be written"),
        ("..", "a directory"),
        ("loop", "cannot be written"),
        ("astray", "cannot be written"),
        ("pair.safetensors/below", "cannot be written"),
    ] {
        let path = format!("{}/{out}", text(&folder.path("")));
        // Before anything is computed: the logits would be refused, too.
        let options = [&GRADIENT[..], &["--label-smoothing", "7"]].concat();
        let run = Run::from(eval(&input, &options, &path));
        run.fails_with("cannot be written");
        run.fails_with(part);
        assert_eq!(folder.names(), before);
    }
    let devices = fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut blocks = devices.filter(|it| it.file_type().is_ok_and(|it| it.is_block_device()));
    if let Some(block) = blocks.next() {
        let before = fs::metadata(block.path()).map(|it| it.rdev()).expect("there");
        let path = text(&block.path());
        Run::from(eval(&input, &["--label-smoothing", "7"], &path)).fails_with("a block device");
        assert_eq!(fs::metadata(block.path()).map(|it| it.rdev()).ok(), Some(before));
    }
}

#[test]
fn names_may_be_no_text() {
    let (folder, input, expected) = evaluated(&GRADIENT);
    let name = |bytes: &[u8]| folder.path("").join(OsStr::from_bytes(bytes));
    let (from, to) = (name(b"in\xff.safetensors"), name(b"out\xfe.safetensors"));
    if fs::copy(&input, &from).is_err() {
        return; // some file systems take text alone
    }
    let mut program = program();
    program.args(["eval", "cross-entropy"]).arg(&from).arg("--and").arg(&from).arg(&input);
    let output = program.args(GRADIENT).arg("--json").arg("--out").arg(&to).output();
    let json = Run::from(output.expect("it starts")).json();
    let bytes = |path: &Path| serde_json::json!(path.as_os_str().as_bytes());
    assert_eq!(json["out_bytes"], bytes(&to));
    assert!(json["out"].as_str().is_some_and(|text| text.ends_with("out\u{fffd}.safetensors")));
    assert_eq!(json["file_bytes"], bytes(&from));
    assert_eq!(json["and_bytes"], serde_json::json!([bytes(&from), null]));
    assert!(fs::metadata(&to).expect("written").len() > expected.len() as u64);
    // Names that are text have no other form.
    let run = succeeds(&input, &[&GRADIENT[..], &["--json"]].concat(), folder.path("plain"));
    assert!(!run.stdout.contains("_bytes"), "{}", run.stdout);
}

#[test]
fn one_file_is_not_for_two_results() {
    let folder = Folder::new();
    symlink("a", folder.path("b")).expect("linked");
    let bench = |options: &[&str]| {
        let mut program = crate::common::without_adapter();
        program.args(["bench", "--quick", "--op", "log-sum-exp", "--shape", "2x3", "--element"]);
        program.arg("f32").args(options).current_dir(folder.path(""));
        Run::from(program.output().expect("the program starts"))
    };
    for (json, csv) in [("a", "./a"), ("a", "b"), ("-", "/dev/stdout")] {
        let run = bench(&["--json", json, "--csv", csv]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{}", run.stderr);
    }
    assert_eq!(folder.names(), ["b"]);
    // What is written through may take both, one after the other.
    let path = folder.path("fifo");
    fifo(&path);
    let reader = thread::spawn(move || {
        let mut text = String::new();
        File::open(path).expect("opened").read_to_string(&mut text).expect("text");
        text
    });
    let run = bench(&["--json", "fifo", "--csv", "fifo"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let text = reader.join().expect("it ends");
    let (json, csv) = text.split_once("\n}\n").expect("two forms");
    assert!(json.starts_with('{') && csv.contains("log-sum-exp"), "{text}");
}
