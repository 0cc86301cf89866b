//! Several files as one batch: the numbers of one file.

use serde_json::Value;

use crate::common::{Array, Folder, arrays, bytes, npy, run, safetensors, text};
use crate::{ENGINES, cross_entropy};

/// Rows of each file.
const PARTS: [usize; 3] = [7, 1, 29];
const CLASSES: usize = 11;

/// A number from -1 to 1.
fn noise(index: usize, seed: u32) -> f32 {
    let mixed = (index as u32 ^ seed).wrapping_mul(0x9e37_79b9);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
    (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// The rows from `first` on.
fn rows(first: usize, count: usize) -> Vec<u8> {
    let floats = |per_row: usize, seed: u32, map: fn(f32) -> f32| {
        let each = first * per_row..(first + count) * per_row;
        bytes(&each.map(|index| map(noise(index, seed))).collect::<Vec<_>>(), f32::to_le_bytes)
    };
    let target = |row: usize| if row % 5 == 3 { -100 } else { (row * 7 % CLASSES) as i64 };
    let targets: Vec<_> = (first..first + count).map(target).collect();
    let class_weights: Vec<_> = (0..CLASSES).map(|class| 0.3 + noise(class, 9).abs()).collect();
    safetensors(&[
        ("logits", "F32", &[count, CLASSES], floats(CLASSES, 1, |it| 6.0 * it)),
        ("targets", "I64", &[count], bytes(&targets, i64::to_le_bytes)),
        ("probabilities", "F32", &[count, CLASSES], floats(CLASSES, 2, |it| 0.1 * it.abs())),
        ("row_weights", "F32", &[count], floats(1, 3, |it| 1.5 + it)),
        ("class_weights", "F32", &[CLASSES], bytes(&class_weights, f32::to_le_bytes)),
    ])
}

/// One file of all rows, and three of the same.
fn batch(folder: &Folder) -> (String, Vec<String>) {
    let all = folder.write("all.safetensors", &rows(0, PARTS.iter().sum()));
    let mut first = 0;
    let parts = PARTS.iter().enumerate().map(|(at, &count)| {
        first += count;
        folder.write(&format!("part{at}.safetensors"), &rows(first - count, count))
    });
    (all, parts.collect())
}

/// The same but for what takes time, and for what was asked for.
#[track_caller]
fn same_numbers(found: &Value, expected: &Value, what: &str) {
    let (found, expected) = (found.as_object().expect(what), expected.as_object().expect(what));
    for (key, expected) in expected {
        if ["file", "seconds", "gigabytes_per_second", "out", "engine"].contains(&key.as_str()) {
            continue;
        }
        let found = &found[key];
        let is_near = match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => is_within_one_place(found as f32, expected as f32),
            _ => found == expected,
        };
        assert!(is_near, "{what}: {key} is {found}, in one file {expected}");
    }
}

/// At most the next number up or down.
fn is_within_one_place(a: f32, b: f32) -> bool {
    a.signum() == b.signum() && a.to_bits().abs_diff(b.to_bits()) <= 1
}

#[track_caller]
fn same_arrays(found: &[Array], expected: &[Array], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let head = |array: &Array| (array.name.clone(), array.dtype, array.shape.clone());
        assert_eq!(head(found), head(expected), "{what}");
        // A mean's gradient is divided at another place, before what may cancel.
        let largest = expected.values.iter().fold(0.0, |most: f32, it| most.max(it.abs()));
        let allowed = if found.name == "gradient" { 2e-7 * largest } else { 0.0 };
        for (at, (a, b)) in found.values.iter().zip(&expected.values).enumerate() {
            let is_same = (a - b).abs() <= allowed || (a.is_nan() && b.is_nan());
            assert!(is_same, "{what}: {}[{at}] is {a}, in one file {b}", found.name);
        }
    }
}

/// Both ways, with these options beside.
#[track_caller]
fn check(operation: &str, all: &str, parts: &[String], options: &str, folder: &Folder) {
    let (one, several) = (folder.path("one.safetensors"), folder.path("several.safetensors"));
    for engine in ENGINES {
        let what = format!("{operation} {options} on {engine}");
        let evaluate = |files: &[&str], out: &str| {
            let mut line = vec!["eval", operation];
            line.extend(files);
            line.extend(["--device", engine, "--json", "--out", out]);
            line.extend(options.split_whitespace());
            run(&line).json()
        };
        let expected = evaluate(&[all], &text(&one));
        let mut files = vec![parts[0].as_str(), "--and"];
        files.extend(parts[1..].iter().map(String::as_str));
        let found = evaluate(&files, &text(&several));
        same_numbers(&found, &expected, &what);
        same_arrays(&arrays(&several), &arrays(&one), &what);
        assert_eq!(found["and"].as_array().map(Vec::len), Some(parts.len() - 1));
        assert!(expected.get("and").is_none());
    }
}

#[test]
fn cross_entropy_is_that_of_one_batch() {
    let folder = Folder::new();
    let (all, parts) = batch(&folder);
    let every_row =
        "--rows loss,log-sum-exp,target-log-probability,entropy,argmax,target-rank,z-loss";
    for reduction in ["mean", "sum", "none", "batch-mean"] {
        for options in [
            "",
            "--gradient --upstream -0.7",
            "--row-weights row_weights --gradient",
            "--class-weights class_weights --label-smoothing 0.1 --gradient",
            "--row-weights row_weights --class-weights class_weights --masked",
            "--row-weights row_weights --z-loss 0.1 --gradient",
            "--probabilities probabilities --class-weights class_weights --z-loss 0.1",
            "--gradient --gradient-element f16 --correct",
            every_row,
        ] {
            let options = format!("--targets targets --reduction {reduction} {options}");
            let options = match options.contains("--probabilities") {
                true => options.replace("--targets targets ", ""),
                false => options,
            };
            check("cross-entropy", &all, &parts, &options, &folder);
        }
    }
}

/// A mean over the rows of all files has one divisor, for the z-loss too.
#[test]
fn means_by_size_are_those_of_one_batch() {
    let folder = Folder::new();
    let (all, parts) = batch(&folder);
    for reduction in ["batch-mean", "element-mean"] {
        let options = format!(
            "--targets targets --reduction {reduction} --class-weights class_weights --z-loss 0.1 \
             --gradient --upstream 3"
        );
        check("cross-entropy", &all, &parts, &options, &folder);
    }
}

#[test]
fn log_sum_exp_is_that_of_one_batch() {
    let folder = Folder::new();
    let (all, parts) = batch(&folder);
    for options in ["", "--gradient --upstream 3 --gradient-element bf16"] {
        let options = format!("--logits logits {options}");
        check("log-sum-exp", &all, &parts, &options, &folder);
    }
}

/// Nothing counts: a mean over nothing.
#[test]
fn ignored_rows_alone() {
    let folder = Folder::new();
    let part = |rows: usize| {
        let logits = bytes(&vec![0.5; rows * 2], f32::to_le_bytes);
        let targets = bytes(&vec![-100; rows], i32::to_le_bytes);
        safetensors(&[("logits", "F32", &[rows, 2], logits), ("targets", "I32", &[rows], targets)])
    };
    let all = folder.write("all.safetensors", &part(5));
    let parts = [2, 3].map(|rows| folder.write(&format!("part{rows}.safetensors"), &part(rows)));
    for reduction in ["mean", "mean --masked", "sum"] {
        let options = format!("--gradient --reduction {reduction}");
        check("cross-entropy", &all, &parts, &options, &folder);
    }
}

/// Files of one array each, with more dimensions.
#[test]
fn files_of_targets_in_the_same_order() {
    let folder = Folder::new();
    let logits: Vec<f32> = (0..5 * 3 * 2).map(|index| noise(index, 4)).collect();
    let targets: Vec<u8> = (0..5 * 2).map(|row| (row % 3) as u8).collect();
    let file = |name: &str, descr, shape: &str, data: &[u8]| {
        folder.write(name, &npy(descr, false, shape, data))
    };
    let of = |values: &[f32]| bytes(values, f32::to_le_bytes);
    let all = file("x.npy", "<f4", "(5, 3, 2)", &of(&logits));
    let all_targets = file("y.npy", "|u1", "(5, 2)", &targets);
    let first = file("x1.npy", "<f4", "(2, 3, 2)", &of(&logits[..12]));
    let first_targets = file("y1.npy", "|u1", "(2, 2)", &targets[..4]);
    let second = file("x2.npy", "<f4", "(3, 3, 2)", &of(&logits[12..]));
    let second_targets = file("y2.npy", "|u1", "(3, 2)", &targets[4..]);
    let options = ["--class-axis", "1", "--device", "cpu", "--json", "--reduction", "none"];
    let several =
        [first.as_str(), &first_targets, "--and", &second, "--and-targets", &second_targets];
    let expected = cross_entropy(&[&[all.as_str(), &all_targets], &options[..]].concat()).json();
    let found = cross_entropy(&[&several[..], &options[..]].concat()).json();
    same_numbers(&found, &expected, "files of targets");
    assert_eq!(found["shape"], serde_json::json!([5, 3, 2]));

    let refused = |arguments: &[&str], code: i32, words: &str| {
        let run = cross_entropy(arguments);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    };
    let axis = ["--class-axis", "1"];
    let without = [first.as_str(), &first_targets, "--and", &second];
    refused(&[&without[..], &axis].concat(), 2, "by --and-targets");
    let and_both = ["--and", &second, &second, "--and-targets", &second_targets];
    refused(&[&[first.as_str(), &first_targets], &and_both[..]].concat(), 2, "expected as many");
    refused(&several, 1, "expected"); // the last dimension would be classes: targets don't fit
    let axis = ["--class-axis", "0"];
    refused(&[&several[..], &axis[..]].concat(), 1, "class axis 0");
}

#[test]
fn what_is_not_one_batch_is_refused() {
    let folder = Folder::new();
    let (_, parts) = batch(&folder);
    let narrow = folder.write(
        "narrow.safetensors",
        &safetensors(&[
            ("logits", "F32", &[1, 2], bytes(&[1.0, 2.0], f32::to_le_bytes)),
            ("targets", "I32", &[1], bytes(&[0], i32::to_le_bytes)),
        ]),
    );
    let options = ["--device", "cpu", "--targets", "targets", "--logits", "logits"];
    cross_entropy(&[&[parts[0].as_str(), "--and", &narrow], &options[..]].concat())
        .fails_with("expected [11] after the first dimension");
    let two_means = ["--z-loss", "0.1", "--class-weights", "class_weights"];
    let refused = cross_entropy(
        &[&[parts[0].as_str(), "--and", &parts[1]], &options[..], &two_means[..]].concat(),
    );
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("z-loss"), "{}", refused.stderr);
}
