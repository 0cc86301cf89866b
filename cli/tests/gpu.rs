//! The program on an adapter: these tests fail where there is none.

mod common;

use common::{Folder, arrays, close, pair, run, text};

#[test]
fn adapters_are_listed() {
    let listed = run(&["adapters", "--json"]).json();
    let adapters = listed["adapters"].as_array().expect("a list");
    assert!(!adapters.is_empty(), "no adapter on this machine");
    for adapter in adapters {
        assert!(adapter["name"].is_string());
        assert!(adapter["max_storage_buffer_binding_size"].as_u64() >= Some(128 << 20));
    }
    let name = adapters[0]["name"].as_str().expect("a name");
    let text = run(&["adapters", "--adapter", name]);
    assert!(text.stdout.starts_with(name), "{}", text.stdout);
}

#[test]
fn eval_agrees_with_the_oracle() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let out = |device: &str| folder.path(&format!("{device}.safetensors"));
    let eval = |device: &str| {
        let path = text(&out(device));
        let options = ["--gradient", "--device", device, "--json", "--out", &path];
        run(&[&["eval", "cross-entropy", &file], options.as_slice()].concat()).json()
    };
    let (gpu, oracle) = (eval("gpu"), eval("oracle"));
    close(&gpu["loss"], oracle["loss"].as_f64().expect("a number"));
    assert_eq!((&gpu["accuracy"], &gpu["counted"]), (&oracle["accuracy"], &oracle["counted"]));
    for (gpu, oracle) in arrays(&out("gpu")).iter().zip(&arrays(&out("oracle"))) {
        assert_eq!((&gpu.0, &gpu.1), (&oracle.0, &oracle.1));
        for (a, b) in gpu.2.iter().zip(&oracle.2) {
            assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{}: {a}, {b}", gpu.0);
        }
    }
    let sum = run(&["eval", "log-sum-exp", &file, "--device", "gpu", "--json"]).json();
    close(&sum["log_sum_exp"][0], 2.126_928_011);
    assert_eq!(run(&["eval", "cross-entropy", &file, "--json"]).json()["device"], "gpu");
}

#[test]
fn verify_passes() {
    let json = run(&["verify", "--json"]).json();
    assert!(json["adapter"].is_string());
    assert!(json["checked"].as_u64() > Some(0));
    assert_eq!(json["failed"], 0);
    assert!(json["worst_relative_error"].as_f64() < Some(2e-6));
}

#[test]
fn bench_reports_every_operation() {
    let json = run(&["bench", "--quick", "--json"]).json();
    assert!(json["adapter"].is_string());
    let results = json["results"].as_array().expect("a list");
    let count = |engine: &str| results.iter().filter(|result| result["engine"] == engine).count();
    assert_eq!((count("gpu"), count("cpu::Fast")), (15, 9));
    for result in results {
        for key in ["milliseconds", "gigabytes_per_second"] {
            assert!(result[key].as_f64() > Some(0.0), "{key}: {result}");
        }
        for key in ["op", "element", "rows", "classes", "timer"] {
            assert!(!result[key].is_null(), "{key}: {result}");
        }
        assert_eq!(
            result["engine"] == "gpu",
            result["fraction_of_ceiling"].is_number(),
            "{result}"
        );
    }
}

#[test]
fn the_report_fits_80_columns() {
    let run = run(&[]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for part in ["GPU", "cpu::Fast", "cpu::Oracle", "scikit-learn", "all passed", "8192 x 1000"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}
