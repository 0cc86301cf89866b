//! `tune`, and who finds the file it writes, on an adapter: these tests fail where there is none.

mod common;

use std::path::Path;
use std::sync::OnceLock;

use common::{Folder, Run, close, pair, program, run, text};
use serde_json::Value;

/// Few classes, so that there is little to measure.
const QUICK: [&str; 4] = ["tune", "--quick", "--classes", "12"];

/// The mean loss of [`pair()`].
const PAIR_LOSS: f64 = (0.126_928_011 + std::f64::consts::LN_2) / 2.0;

/// A folder for configuration files, where one run of `tune` wrote its file; and what it printed.
fn tuned() -> &'static (Folder, Value) {
    static TUNED: OnceLock<(Folder, Value)> = OnceLock::new();
    TUNED.get_or_init(|| {
        let folder = Folder::new();
        let arguments = [&QUICK[..], &["--json", "--tables", "entries"]].concat();
        let json = configured(&folder.path(""), &arguments).json();
        (folder, json)
    })
}

/// The program of a user with such a configuration folder.
fn configured(folder: &Path, arguments: &[&str]) -> Run {
    let mut program = program();
    for variable in ["XDG_CONFIG_HOME", "APPDATA"] {
        program.env(variable, folder);
    }
    program.env_remove("WGPU_LOSS_TUNING").args(arguments);
    program.output().expect("the program starts").into()
}

/// The program with a tuning file named by the environment.
fn named(file: &str, arguments: &[&str]) -> Run {
    let output = program().env("WGPU_LOSS_TUNING", file).args(arguments).output();
    output.expect("the program starts").into()
}

fn written() -> String {
    tuned().1["file"].as_str().expect("a path").to_owned()
}

#[test]
fn tune_reports_every_band_and_writes_a_valid_file() {
    let (folder, json) = tuned();
    assert!(json["adapter"].is_string() && json["timer"].is_string());
    assert_eq!(json["left_out"], serde_json::json!([]), "a kernel was wrong");
    let results = json["results"].as_array().expect("a list");
    assert_eq!(results.len(), 1);
    let result = &results[0];
    assert_eq!((&result["table"], &result["up_to_classes"]), (&"entries".into(), &12.into()));
    assert!(result["built_in"].is_string());
    let looks = result["looks"].as_array().expect("a list");
    assert!(looks.len() > 3, "{result}");
    for look in looks {
        let times = look["milliseconds"].as_array().expect("a list");
        assert_eq!(times.len(), 2);
        assert!(times.iter().all(|time| time.as_f64() > Some(0.0)), "{look}");
    }
    if result["is_chosen"] == true {
        let passes = result["duel"]["passes"].as_array().expect("a duel");
        assert_eq!(passes.len(), 2);
        for pass in passes {
            assert!(pass["ratio"].as_f64() <= Some(1.03), "{result}");
        }
    }
    let path = written();
    assert!(Path::new(&path).starts_with(folder.path("")), "{path}");
    let file: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    assert_eq!((&file["version"], &file["adapter"]["name"]), (&1.into(), &json["adapter"]));
    let entries = file["tuning"]["entries"].as_array().expect("a table");
    assert_eq!(entries.last().expect("an entry")["up_to_classes"], "any");
}

#[test]
fn other_commands_find_the_file_and_say_so() {
    let (folder, _) = tuned();
    let files = Folder::new();
    let file = files.write("pair.safetensors", &pair());
    let eval = ["eval", "cross-entropy", &file, "--device", "gpu", "--json"];
    let note = format!("tuned by {}", written());
    for found in [configured(&folder.path(""), &eval), named(&written(), &eval)] {
        let lines = found.stderr.lines().filter(|line| line.contains(&note)).count();
        assert_eq!(lines, 1, "{}", found.stderr);
        close(&found.json()["loss"], PAIR_LOSS);
    }
    let off = configured(&folder.path(""), &[&eval[..], &["--no-tuning"]].concat());
    let elsewhere = configured(&files.path(""), &eval);
    for silent in [named("", &eval), off, elsewhere] {
        assert!(!silent.stderr.contains("tun"), "{}", silent.stderr);
        close(&silent.json()["loss"], PAIR_LOSS);
    }
}

#[test]
fn verify_passes_with_the_file() {
    let found = named(&written(), &["verify", "--json"]);
    assert!(found.stderr.contains("tuned by"), "{}", found.stderr);
    assert_eq!(found.json()["failed"], 0);
}

#[test]
fn a_file_of_another_adapter_is_not_used() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(written()).expect("a file");
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    file["adapter"]["name"] = "an abacus".into();
    let path = folder.write("other.json", file.to_string().as_bytes());
    let pair = folder.write("pair.safetensors", &pair());
    let found = named(&path, &["eval", "log-sum-exp", &pair, "--device", "gpu", "--json"]);
    assert!(found.stderr.contains("not used"), "{}", found.stderr);
    assert!(found.stderr.contains("made for adapter an abacus"), "{}", found.stderr);
    assert!(!found.stderr.contains("tuned by"), "{}", found.stderr);
    close(&found.json()["log_sum_exp"][0], 2.126_928_011);
}

#[test]
fn a_broken_file_is_a_failure_that_names_it() {
    let folder = Folder::new();
    let pair = folder.write("pair.safetensors", &pair());
    let eval = ["eval", "log-sum-exp", &pair, "--device", "gpu"];
    let broken = folder.write("broken.json", b"{\"version\": 1}");
    named(&broken, &eval).fails_with("broken.json");
    named(&broken, &["verify"]).fails_with("broken.json");
    named(&text(&folder.path("missing.json")), &eval).fails_with("missing.json");
    // On the CPU nobody asks.
    assert_eq!(named(&broken, &["eval", "log-sum-exp", &pair, "--device", "cpu"]).code, Some(0));
    // Whoever tunes again is not kept from it by the file before.
    let arguments = [&QUICK[..2], &["--classes", "3", "--tables", "from-state", "--out", &broken]];
    let again = named(&broken, &arguments.concat());
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    for part in ["backward from saved states", "1 to 3", "built-in", "written:"] {
        assert!(again.stdout.contains(part), "{part}: {}", again.stdout);
    }
    for line in again.stdout.lines().filter(|line| !line.contains("written:")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(named(&broken, &eval).code, Some(0));
    assert_eq!(folder.names(), ["broken.json", "pair.safetensors"]);
}

#[test]
fn what_cannot_be_tuned_or_written_is_refused_at_once() {
    let folder = Folder::new();
    for classes in ["0", "1000000000", "many", ""] {
        let out = text(&folder.path("out.json"));
        let found = run(&["tune", "--classes", classes, "--out", &out]);
        assert_eq!(found.code, Some(2), "{classes}: {}", found.stderr);
    }
    run(&["tune", "--out", &text(&folder.path(""))]).fails_with("cannot be written");
    let file = folder.write("file", b"");
    run(&["tune", "--out", &format!("{file}/out.json")]).fails_with("out.json");
    assert_eq!(folder.names(), ["file"]);
}
