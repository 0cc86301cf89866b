//! The program on an adapter: these tests fail where there is none.

mod common;

use common::{Folder, arrays, bytes, close, pair, run, safetensors, text};
use wgpu_loss::half::bf16;

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

/// Evaluates on the GPU and by the oracle: the JSON of both, once what they wrote agrees.
#[track_caller]
fn both(folder: &Folder, arguments: &str, tolerance: f32) -> [serde_json::Value; 2] {
    let out = |device: &str| folder.path(&format!("{device}.safetensors"));
    let jsons = ["gpu", "oracle"].map(|device| {
        let path = text(&out(device));
        let common = ["--device", device, "--json", "--out", &path];
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        run(&[&["eval"], arguments.as_slice(), &common].concat()).json()
    });
    let (gpu, oracle) = (arrays(&out("gpu")), arrays(&out("oracle")));
    assert_eq!(gpu.len(), oracle.len());
    for (gpu, oracle) in gpu.iter().zip(&oracle) {
        assert_eq!((&gpu.name, gpu.dtype, &gpu.shape), (&oracle.name, oracle.dtype, &oracle.shape));
        for (a, b) in gpu.values.iter().zip(&oracle.values) {
            let alike = a == b || (a.is_nan() && b.is_nan());
            let is_close = (a - b).abs() <= tolerance * b.abs().max(1.0);
            assert!(alike || is_close, "{}: {a}, {b}", gpu.name);
        }
    }
    jsons
}

#[test]
fn eval_agrees_with_the_oracle() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let [gpu, oracle] = both(&folder, &format!("cross-entropy {file} --gradient"), 2e-6);
    close(&gpu["loss"], oracle["loss"].as_f64().expect("a number"));
    assert_eq!((&gpu["accuracy"], &gpu["counted"]), (&oracle["accuracy"], &oracle["counted"]));
    let sum = run(&["eval", "log-sum-exp", &file, "--device", "gpu", "--json"]).json();
    close(&sum["log_sum_exp"][0], 2.126_928_011);
    assert_eq!(run(&["eval", "cross-entropy", &file, "--json"]).json()["device"], "gpu");
}

/// Two files as one batch, on the GPU: rows to the last bit, what is summed to one place.
#[test]
fn several_files_are_one_batch() {
    let folder = Folder::new();
    let value = |index: usize| ((index * 7919) % 10_007) as f32 / 1000.0 - 5.0;
    let part = |name: &str, rows: std::ops::Range<usize>| {
        let classes = 130;
        let logits: Vec<f32> = (rows.start * classes..rows.end * classes).map(value).collect();
        let targets: Vec<i32> = rows.clone().map(|row| (row * 5 % classes) as i32).collect();
        let shape = [rows.len(), classes];
        let tensors = [
            ("logits", "F32", &shape[..], bytes(&logits, f32::to_le_bytes)),
            ("targets", "I32", &shape[..1], bytes(&targets, i32::to_le_bytes)),
        ];
        folder.write(name, &safetensors(&tensors))
    };
    let all = part("all.safetensors", 0..600);
    let (first, second) = (part("1.safetensors", 0..77), part("2.safetensors", 77..600));
    let evaluate = |files: &[&str], out: &str| {
        let line = ["--device", "gpu", "--json", "--gradient", "--out", out];
        run(&[&["eval", "cross-entropy"], files, &line].concat()).json()
    };
    let (one, several) = (folder.path("one.safetensors"), folder.path("several.safetensors"));
    let expected = evaluate(&[&all], &text(&one));
    let found = evaluate(&[&first, "--and", &second], &text(&several));
    let loss = |json: &serde_json::Value| json["loss"].as_f64().expect("a number") as f32;
    assert!(loss(&found).to_bits().abs_diff(loss(&expected).to_bits()) <= 1, "{found} {expected}");
    assert_eq!(found["correct"], expected["correct"]);
    for (found, expected) in arrays(&several).iter().zip(arrays(&one)) {
        assert_eq!((&found.name, &found.shape), (&expected.name, &expected.shape));
        let allowed = if found.name == "gradient" { 2e-7 / 600.0 } else { 0.0 };
        for (a, b) in found.values.iter().zip(expected.values) {
            assert!((a - b).abs() <= allowed, "{}: {a}, {b}", found.name);
        }
    }
}

/// bfloat16 logits of (2, 3, 2, 2) with every option, as PyTorch's (N, C, H, W).
#[test]
fn every_option_agrees_with_the_oracle() {
    let folder = Folder::new();
    let logits: Vec<bf16> =
        (0..24).map(|index| bf16::from_f32((index * index % 13) as f32 / 2.0 - 3.0)).collect();
    let upstream: Vec<f32> = (0..24).map(|index| (index % 5) as f32 - 2.0).collect();
    let probabilities: Vec<f32> = (0..24).map(|index| (index % 7) as f32 / 8.0).collect();
    let shape = &[2, 3, 2, 2][..];
    let weights = [0.5, 1.0, 2.0, 0.25, 4.0, 1.0, 1.5, 3.0];
    let tensors = [
        ("logits", "BF16", shape, bytes(&logits, bf16::to_le_bytes)),
        ("targets", "U32", &[2, 2, 2], bytes(&[0, 2, 1, 1, 1, 0, 2, 2], u32::to_le_bytes)),
        ("q", "F32", shape, bytes(&probabilities, f32::to_le_bytes)),
        ("g", "F32", shape, bytes(&upstream, f32::to_le_bytes)),
        ("w", "F32", &[3], bytes(&weights[..3], f32::to_le_bytes)),
        ("v", "F32", &[2, 2, 2], bytes(&weights, f32::to_le_bytes)),
    ];
    let file = folder.write("file.safetensors", &safetensors(&tensors));
    let all = format!(
        "cross-entropy {file} --class-axis 1 --class-weights w --row-weights v --z-loss 0.01 \
         --label-smoothing 0.1 --logit-scale 1.5 --softcap 4 --ignore-index 1 --gradient --correct \
         --rows loss,log-sum-exp,target-log-probability,entropy,argmax,target-rank,z-loss \
         --gradient-element f32"
    );
    let soft = format!(
        "cross-entropy {file} --class-axis 1 --probabilities q --masked --row-weights v \
         --gradient --gradient-element f32"
    );
    for (arguments, has_z_loss) in [(all, true), (soft, false)] {
        let [gpu, oracle] = both(&folder, &arguments, 4e-6);
        for key in ["loss", "z_loss", "denominator", "accuracy", "counted"] {
            match oracle[key].as_f64() {
                Some(value) => close(&gpu[key], value),
                None => assert!(gpu[key].is_null(), "{key}"),
            }
        }
        assert_eq!(oracle["z_loss"].is_number(), has_z_loss);
        assert_eq!(gpu["counted"], if has_z_loss { 5 } else { 8 });
    }
    for operation in ["softmax", "log-softmax"] {
        for more in ["", "--upstream-tensor g", "--element f32"] {
            // One unit of bfloat16, since what is rounded differs in its last float32 bits.
            let tolerance = if more.ends_with("f32") { 2e-6 } else { 1.0 / 128.0 };
            both(&folder, &format!("{operation} {file} --class-axis 1 {more}"), tolerance);
        }
    }
    both(&folder, &format!("log-sum-exp {file} --class-axis 1 --gradient"), 1.0 / 128.0);
}

/// Every statistic along every axis, with weights of every layout, gradients and segments.
#[test]
fn reductions_agree_with_the_oracle() {
    let folder = Folder::new();
    let values: Vec<f32> = (0..24).map(|index| (index * index % 13) as f32 / 2.0 - 3.0).collect();
    let weights: Vec<f32> = (0..24).map(|index| (index % 7) as f32 / 4.0 - 0.25).collect();
    let tensors = [
        ("values", "F32", &[2, 3, 4][..], bytes(&values, f32::to_le_bytes)),
        ("w", "F32", &[2, 3, 4], bytes(&weights, f32::to_le_bytes)),
        ("v", "F32", &[8], bytes(&weights[..8], f32::to_le_bytes)),
        ("u", "F32", &[3], bytes(&[0.5, 0.0, 2.0], f32::to_le_bytes)),
        ("g", "F32", &[8], bytes(&values[..8], f32::to_le_bytes)),
        ("four", "F32", &[4], bytes(&[1.0, 0.0, 0.25, 2.0], f32::to_le_bytes)),
        ("ids", "I32", &[6], bytes(&[2, 0, -1, 2, 0, 0], i32::to_le_bytes)),
        ("offsets", "U32", &[4], bytes(&[0, 2, 2, 5], u32::to_le_bytes)),
    ];
    let file = folder.write("file.safetensors", &safetensors(&tensors));
    let reduce = |arguments: &str| {
        // Exponentials under weights of both signs cancel by a factor of up to 6.5 here.
        let tolerance = if arguments.contains("log-sum-exp") { 1.6e-5 } else { 4e-6 };
        both(&folder, &format!("reduce {file} {arguments}"), tolerance)
    };
    for axis in ["row", "column", "all"] {
        for statistic in ["sum", "mean", "sum-of-squares", "max", "min", "log-sum-exp"] {
            for weights in ["", "--weights w", "--weights v", "--weights u --masked"] {
                let all = format!("--class-axis 1 --axis {axis} --statistic {statistic} {weights}");
                let [gpu, oracle] = reduce(&all);
                assert_eq!(gpu["result_shape"], oracle["result_shape"]);
            }
        }
        for statistic in ["sum", "mean", "log-sum-exp"] {
            let gradient = "--gradient --weight-gradient --upstream 0.5";
            for weights in ["--weights w", "--weights v", "--weights u"] {
                reduce(&format!(
                    "--class-axis 1 --axis {axis} --statistic {statistic} {weights} {gradient}"
                ));
            }
        }
    }
    reduce("--class-axis 1 --axis row --weights w --gradient --upstream g");
    reduce("--statistic mean-and-variance --correction 1 --axis column --weights four");
    for segments in ["--segment-ids ids --segments 4", "--segment-offsets offsets"] {
        for statistic in ["sum", "mean", "max", "log-sum-exp"] {
            reduce(&format!("{segments} --statistic {statistic} --weights four"));
        }
    }
}

#[test]
fn no_pixels_are_no_rows() {
    let folder = Folder::new();
    let tensors = [("logits", "F32", &[2, 3, 0][..], vec![]), ("targets", "U8", &[2, 0], vec![])];
    let file = folder.write("empty.safetensors", &safetensors(&tensors));
    for operation in ["cross-entropy", "log-sum-exp", "softmax", "log-softmax", "reduce"] {
        both(&folder, &format!("{operation} {file} --class-axis 1"), 0.0);
    }
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

#[test]
fn a_batch_larger_than_the_device_memory_allowed() {
    let folder = Folder::new();
    let (rows, classes) = (5000, 100); // 2 MB of logits, of which 1 MiB may be there
    let values: Vec<f32> =
        (0..rows * classes).map(|i| ((i * 7919) % 1009) as f32 / 100.0).collect();
    let teacher: Vec<f32> = values.iter().map(|value| value * 0.75).collect();
    let targets: Vec<i64> = (0..rows as i64).map(|row| row % classes as i64).collect();
    let file = safetensors(&[
        ("logits", "F32", &[rows, classes], bytes(&values, f32::to_le_bytes)),
        ("teacher", "F32", &[rows, classes], bytes(&teacher, f32::to_le_bytes)),
        ("targets", "I64", &[rows], bytes(&targets, i64::to_le_bytes)),
    ]);
    let file = folder.write("batch.safetensors", &file);
    for operation in ["cross-entropy", "softmax-kl-divergence"] {
        let evaluate = |name: &str, more: &[&str]| {
            let out = text(&folder.path(name));
            let usual = ["eval", operation, &file, "--gradient", "--device", "gpu", "--out", &out];
            let found = run(&[usual.as_slice(), more].concat());
            assert_eq!(found.code, Some(0), "{}", found.stderr);
            std::fs::read(folder.path(name)).expect("written")
        };
        let whole = evaluate(&format!("{operation}.safetensors"), &[]);
        let in_pieces =
            evaluate(&format!("{operation} pieces.safetensors"), &["--device-memory", "1"]);
        assert!(whole == in_pieces, "{operation}: the bits of the whole");
    }
    let none = run(&["eval", "cross-entropy", &file, "--device-memory", "0"]);
    assert_eq!(none.code, Some(2), "bad usage: {}", none.stderr);
}

/// A row that no buffer of the adapter holds.
#[cfg(unix)]
#[test]
fn a_row_too_large_for_the_gpu_is_for_the_cpu() {
    let listed = run(&["adapters", "--json"]).json();
    let limit = |name: &str| listed["adapters"][0][name].as_u64().expect("a number");
    let most = limit("max_storage_buffer_binding_size").min(limit("max_buffer_size"));
    if most > 1 << 30 {
        return; // more than a test should take
    }
    let folder = Folder::new();
    let classes = most / 4 + 1000;
    let header = common::npy("<f4", false, &format!("(1, {classes})"), &[]);
    let file = folder.write("zeros.npy", &header);
    let sparse = std::fs::OpenOptions::new().write(true).open(&file).expect("writable");
    sparse.set_len(header.len() as u64 + 4 * classes).expect("a sparse file");
    run(&["eval", "log-sum-exp", &file, "--device", "gpu"]).fails_with("--device cpu");
    let auto = run(&["eval", "log-sum-exp", &file, "--json"]);
    assert!(auto.stderr.contains("computing on cpu::Fast"), "{}", auto.stderr);
    let json = auto.json();
    assert_eq!(json["device"], "cpu");
    close(&json["log_sum_exp"][0], (classes as f64).ln());
}

/// Libraries below say so where a desktop is missing, and it means nothing.
#[test]
fn nothing_is_said_of_a_missing_desktop() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let mut program = common::program();
    program.env_remove("XDG_RUNTIME_DIR").env_remove("WAYLAND_DISPLAY").env_remove("DISPLAY");
    let run = program.args(["eval", "cross-entropy", &file, "--device", "gpu"]).output();
    let run = common::Run::from(run.expect("the program starts"));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}
