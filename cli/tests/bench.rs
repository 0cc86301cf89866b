//! `bench` and `roofline`, mostly on shapes that take no time: these tests fail without an adapter.

mod common;

use std::collections::BTreeMap;
use std::process::Stdio;

use common::{Folder, Run, program, run, text, without_adapter};
use serde_json::Value;

/// Runs with words separated by spaces.
fn bench(line: &str) -> Run {
    run(&line.split_whitespace().collect::<Vec<_>>())
}

/// How many results there are of each operation and engine.
fn counts(json: &Value) -> BTreeMap<(&str, &str), usize> {
    let mut counts = BTreeMap::new();
    for result in json["results"].as_array().expect("a list") {
        let key = |key: &str| result[key].as_str().expect("text");
        *counts.entry((key("op"), key("engine"))).or_default() += 1;
    }
    counts
}

#[track_caller]
fn measured_something(json: &Value) {
    for result in json["results"].as_array().expect("a list") {
        for key in ["milliseconds", "gigabytes_per_second", "fraction_of_ceiling", "least_bytes"] {
            assert!(result[key].as_f64() > Some(0.0), "{key}: {result}");
        }
        for key in ["op", "element", "rows", "classes", "inner", "timer"] {
            assert!(!result[key].is_null(), "{key}: {result}");
        }
        assert_eq!(result["engine"] == "gpu", result["family"].is_string(), "{result}");
    }
}

/// Lines of text in an SVG that an XML parser accepts, and how many lines and marks it draws.
#[track_caller]
fn svg(text: &str) -> (Vec<String>, usize) {
    let document = roxmltree::Document::parse(text).expect("XML");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let tags = |name: &'static str| document.descendants().filter(move |it| it.has_tag_name(name));
    let texts = tags("text").filter_map(|it| it.text()).map(|it| it.trim().to_owned()).collect();
    (texts, tags("polyline").count() + tags("circle").count())
}

#[test]
fn files_hold_what_the_table_shows() {
    let folder = Folder::new();
    let [json, csv, svg_file] = ["b.json", "b.csv", "b.svg"].map(|name| text(&folder.path(name)));
    let shapes = "--shape 64x10 --shape 2x5x6";
    let line =
        format!("bench --quick --footprint 2 {shapes} --json {json} --csv {csv} --svg {svg_file}");
    let run = bench(&line);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(folder.names(), ["b.csv", "b.json", "b.svg"]);
    for part in ["64 rows, 10 classes of bf16", "6 rows side by side", "in place", "record"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }

    let read = |path: &str| std::fs::read_to_string(path).expect("written");
    let document: Value = serde_json::from_str(&read(&json)).expect("JSON");
    assert_eq!(document["command"], format!("wgpu-loss {line}"));
    assert!(document["date"].as_str().is_some_and(|date| date.ends_with('Z')));
    measured_something(&document);
    // Two shapes, of which the second element type has forward and fused; reductions of matrices;
    // element-wise losses and relatives of cross-entropy of single precision.
    let others = [
        "binary cross-entropy",
        "sigmoid focal",
        "squared error",
        "KL divergence",
        "softmax focal",
        "softmax KL divergence",
        "softmax Jensen-Shannon",
    ];
    let others = others.map(|loss| ["forward", "fused"].map(|pass| format!("{loss} {pass}")));
    let mut expected: BTreeMap<_, _> = [
        (("log-sum-exp forward", "gpu"), 2),
        (("log-sum-exp forward", "cpu::Fast"), 2),
        (("cross-entropy forward", "gpu"), 4),
        (("cross-entropy forward", "cpu::Fast"), 4),
        (("cross-entropy fused", "gpu"), 4),
        (("cross-entropy fused", "cpu::Fast"), 4),
        (("cross-entropy backward", "gpu"), 2),
        (("cross-entropy fused in place", "gpu"), 2),
        (("sum of all", "gpu"), 2),
        (("sum of all", "cpu::Fast"), 2),
        (("weighted mean of all", "gpu"), 2),
        (("weighted mean of all", "cpu::Fast"), 2),
        (("sum of each row", "gpu"), 2),
        (("sum of each row", "cpu::Fast"), 2),
        (("sum of each column", "gpu"), 2),
        (("sum of each column", "cpu::Fast"), 2),
    ]
    .into();
    for op in others.iter().flatten() {
        expected.extend(["gpu", "cpu::Fast"].map(|engine| ((op.as_str(), engine), 2)));
    }
    assert_eq!(counts(&document), expected);
    for ceilings in [&document["ceilings"], &document["host"]["ceilings"]] {
        for traffic in ["read", "copy", "in_place"] {
            assert!(ceilings[traffic]["gigabytes_per_second"].as_f64() > Some(0.0), "{ceilings}");
        }
        assert_eq!(ceilings["footprint_bytes"], 2 << 20, "{ceilings}");
    }
    let calls = document["small_calls"].as_array().expect("a list");
    assert_eq!(calls.len(), 8);
    assert!(calls.iter().all(|call| call["microseconds"].as_f64() > Some(0.0)));
    let results = document["results"].as_array().expect("a list");
    let strided = results.iter().filter(|it| it["inner"] == 6);
    assert!(strided.clone().count() > 0);
    assert!(strided.clone().all(|it| it["rows"] == 12 && it["classes"] == 5));

    let csv = read(&csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let records: Vec<_> = reader.records().map(|record| record.expect("whole")).collect();
    assert_eq!(records.len(), results.len());
    for (record, result) in records.iter().zip(results) {
        for (key, value) in header.iter().zip(record) {
            match &result[key] {
                Value::String(text) => assert_eq!(text, value),
                Value::Null => assert_eq!(value, ""),
                number => {
                    let (a, b) = (number.as_f64(), value.parse::<f64>().ok());
                    let (a, b) = a.zip(b).unwrap_or_else(|| panic!("{key}: {number}, {value}"));
                    assert!((a - b).abs() <= 1e-12 * a.abs(), "{key}: {a}, {b}");
                }
            }
        }
    }

    let (texts, marks) = svg(&read(&svg_file));
    let adapter = document["adapter"].as_str().expect("a name");
    assert!(texts.iter().any(|text| text.starts_with(adapter)), "{texts:?}");
    for part in ["f32 logits", "bf16 logits", "CE backward", "cpu::Fast, of the CPU's"] {
        assert!(texts.iter().any(|text| text == part), "{part}: {texts:?}");
    }
    // A point for each loss of each engine, beside axes and legend.
    let losses = results.iter().filter(|it| {
        let op = it["op"].as_str().unwrap_or_default();
        op.starts_with("cross-entropy") || op.starts_with("log-sum-exp")
    });
    assert!(marks >= losses.count(), "{marks}");
}

#[test]
fn options_choose_operations_and_types() {
    let json = bench(
        "bench --quick --footprint 2 --json - --shape 16x7 --op fused,row-sums --element f16,bf16",
    )
    .json();
    let expected: BTreeMap<_, _> = [
        (("cross-entropy fused", "cpu::Fast"), 2),
        (("cross-entropy fused", "gpu"), 2),
        (("sum of each row", "cpu::Fast"), 2),
        (("sum of each row", "gpu"), 2),
    ]
    .into();
    assert_eq!(counts(&json), expected);
    assert_eq!(json["small_calls"], serde_json::json!([]));
}

#[test]
fn losses_of_logits_are_chosen_by_name() {
    let line = "bench --quick --footprint 2 --json - --shape 16x7,2x33x3 --element f32,f16";
    let json =
        bench(&format!("{line} --op softmax-focal,softmax-kl-divergence,softmax-jensen-shannon"))
            .json();
    measured_something(&json);
    let counts = counts(&json);
    assert_eq!(counts.len(), 3 * 2 * 2, "{counts:?}");
    assert!(counts.values().all(|count| *count == 2 * 2), "{counts:?}");
    for result in json["results"].as_array().expect("a list") {
        let op = result["op"].as_str().expect("text");
        let matrices = 1 + u64::from(!op.contains("focal")) + u64::from(op.contains("fused"));
        let size = if result["element"] == "f32" { 4 } else { 2 };
        let number = |key: &str| result[key].as_u64().expect("a number");
        let matrix = size * number("rows") * number("classes");
        assert_eq!(number("least_bytes"), matrices * matrix, "{result}");
    }
}

#[test]
fn one_form_may_take_standard_output() {
    let json = bench("bench --op small-calls --json -").json();
    assert_eq!((&json["results"], &json["ceilings"]), (&serde_json::json!([]), &Value::Null));
    let csv = bench("bench --quick --footprint 2 --shape 3x2 --op sum --csv -");
    assert_eq!((csv.code, csv.stdout.lines().count()), (Some(0), 5), "{}", csv.stdout);
    assert!(csv.stdout.starts_with("op,family,engine,element,rows,classes,"), "{}", csv.stdout);
    let picture =
        bench("bench --quick --footprint 2 --shape 3x2 --op forward --element f32 --svg -");
    assert_eq!(picture.code, Some(0), "{}", picture.stderr);
    let (texts, _) = svg(&picture.stdout);
    assert!(texts.iter().any(|text| text == "f32 logits"), "{texts:?}");
}

#[test]
fn bad_usage_has_exit_code_2() {
    for line in [
        "bench --json",
        "bench --shape 64",
        "bench --shape 0x10",
        "bench --shape 1x2x3x4",
        "bench --shape 99999999999x99999999999",
        "bench --op frobnicate",
        "bench --element f64",
        "bench --footprint 0",
        "bench --footprint 1GiB",
        "bench --json - --csv -",
        "bench --op sum --svg -",
        "roofline --json x.json",
    ] {
        let run = bench(line);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{line}: {}", run.stderr);
        assert!(run.stderr.contains("--help"), "{line}: {}", run.stderr);
    }
}

#[test]
fn shapes_that_no_memory_holds_are_an_error() {
    for options in ["--shape 1000000000x100000", "--shape 3x2 --footprint 1048576"] {
        let run = bench(&format!("bench --quick --op forward,row-sums {options}"));
        run.fails_with("benchmark: out of memory");
    }
}

#[test]
fn paths_are_refused_before_anything_is_measured() {
    let folder = Folder::new();
    let (here, missing) = (text(&folder.path("")), text(&folder.path("missing/b.json")));
    let kept = text(&folder.path("kept.json"));
    for option in ["--json", "--csv", "--svg"] {
        bench(&format!("bench {option} {missing}")).fails_with("missing/b.json");
        bench(&format!("bench {option} {here}")).fails_with("a directory");
    }
    bench(&format!("bench --json {kept} --svg {missing}")).fails_with("missing/b.json");
    let file = folder.write("file", b"");
    bench(&format!("roofline --quick --footprint 2 --out {file}")).fails_with("file");
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn a_closed_pipe_ends_the_table_and_not_the_file() {
    let folder = Folder::new();
    let path = text(&folder.path("b.json"));
    let to_file = vec!["forward,small-calls", "--json", path.as_str()];
    for (arguments, names) in [(vec!["small-calls"], 0), (to_file, 1)] {
        let mut child = program()
            .args(["bench", "--quick", "--footprint", "2", "--shape", "8x3", "--op"])
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let run = Run::from(child.wait_with_output().expect("it ends"));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert_eq!(folder.names().len(), names);
    }
    let json = std::fs::read_to_string(&path).expect("written");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["results"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["small_calls"].as_array().map(Vec::len), Some(8));
}

#[test]
fn roofline_leaves_a_folder_of_the_adapter() {
    let folder = Folder::new();
    let out = text(&folder.path("record"));
    let line =
        format!("roofline --quick --footprint 2 --shape 8x3 --op fused --element f32 --out {out}");
    let run = bench(&line);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("all passed"), "{}", run.stdout);
    let adapters: Vec<_> = std::fs::read_dir(&out)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(adapters.len(), 1);
    let mut names: Vec<_> = std::fs::read_dir(&adapters[0])
        .expect("a folder")
        .map(|entry| text(entry.expect("an entry").file_name().as_ref()))
        .collect();
    names.sort();
    assert_eq!(names, ["bench.csv", "bench.json", "bench.svg", "verify.json"]);
    let json = |name: &str| -> Value {
        let text = std::fs::read_to_string(adapters[0].join(name)).expect("written");
        serde_json::from_str(&text).expect("JSON")
    };
    assert_eq!(json("verify.json")["failed"], 0);
    let document = json("bench.json");
    assert_eq!(document["command"], format!("wgpu-loss {line}"));
    assert_eq!(counts(&document).len(), 2);
}

#[test]
fn without_an_adapter_the_cpu_is_timed_and_there_is_no_roofline() {
    let run = |arguments: &[&str]| -> Run {
        without_adapter().args(arguments).output().expect("the program starts").into()
    };
    let bench = run(&[
        "bench",
        "--quick",
        "--footprint",
        "2",
        "--shape",
        "8x3",
        "--op",
        "forward",
        "--json",
        "-",
    ]);
    assert!(bench.stderr.contains("timing cpu::Fast alone"), "{}", bench.stderr);
    let json = bench.json();
    assert_eq!((&json["adapter"], &json["ceilings"]), (&Value::Null, &Value::Null));
    assert_eq!(counts(&json), [(("cross-entropy forward", "cpu::Fast"), 2)].into());
    measured_something(&json);
    let folder = Folder::new();
    let out = text(&folder.path("record"));
    run(&["roofline", "--out", &out]).fails_with("no GPU adapter found");
    assert!(folder.names().is_empty());
}
