//! `eval softmax` and `eval log-softmax`, and their gradients.

use std::f32::consts::LN_2;

use serde_json::json;
use wgpu_loss::half::bf16;

use crate::ENGINES;
use crate::common::{Folder, LOGITS, arrays, bytes, close, logits, npy, run, safetensors, text};

/// exp(-2) / (1 + exp(-2)) and exp(-3) / (1 + exp(-3)).
const P: [f32; 2] = [0.119_202_92, 0.047_425_873];

fn evaluate(arguments: &[&str]) -> serde_json::Value {
    run(&[&["eval"], arguments, &["--json"]].concat()).json()
}

#[track_caller]
fn holds(path: &std::path::Path, name: &str, expected: &[f32]) {
    let written = arrays(path);
    assert_eq!(written.len(), 1);
    assert_eq!((written[0].name.as_str(), &written[0].shape[..]), (name, &[3, 2][..]));
    for (found, expected) in written[0].values.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-6, "{found}, {expected}");
    }
}

#[test]
fn known_answers() {
    let folder = Folder::new();
    let file = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let out = folder.path("out.safetensors");
    let [p, q] = P;
    for engine in ENGINES {
        let common = ["--device", engine, "--out", &text(&out)];
        let found = evaluate(&[&["softmax", &file], &common[..]].concat());
        holds(&out, "softmax", &[1.0 - p, p, q, 1.0 - q, 0.5, 0.5]);
        close(&found["smallest"], q.into());
        close(&found["largest"], (1.0 - q).into());
        assert_eq!((&found["nan"], &found["gradient"]), (&0.into(), &false.into()));
        let found = evaluate(&[&["log-softmax", &file], &common[..]].concat());
        let (a, b) = (0.126_928_01, 0.048_587_35);
        holds(&out, "log_softmax", &[-a, -2.0 - a, -3.0 - b, -b, -LN_2, -LN_2]);
        assert_eq!(found["operation"], "log-softmax");
    }
}

/// p (g - sum g p), and g - p sum g.
#[test]
fn gradients() {
    let folder = Folder::new();
    let upstream = [1.0, 0.0, 0.0, 2.0, 3.0, 1.0];
    let file = folder.write(
        "file.safetensors",
        &safetensors(&[
            ("logits", "F32", &[3, 2], logits()),
            ("g", "F32", &[3, 2], bytes(&upstream, f32::to_le_bytes)),
        ]),
    );
    let alone = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let data = bytes(&upstream, f32::to_le_bytes);
    let other = folder.write("g.npy", &npy("<f4", false, "(3, 2)", &data));
    let out = folder.path("out.safetensors");
    let [p, q] = P;
    let (a, b) = (p * (1.0 - p), 2.0 * q * (1.0 - q));
    for engine in ENGINES {
        let common = ["--device", engine, "--out", &text(&out)];
        for source in [
            ["softmax", &file, "--upstream-tensor", "g"],
            ["softmax", &alone, "--upstream-file", &other],
        ] {
            let found = evaluate(&[&source[..], &common[..]].concat());
            holds(&out, "gradient", &[a, -a, -b, b, 0.5, -0.5]);
            assert_eq!(found["gradient"], true);
        }
        evaluate(&[&["log-softmax", &file, "--upstream-tensor", "g"][..], &common[..]].concat());
        holds(&out, "gradient", &[p, -p, -2.0 * q, 2.0 * q, 1.0, -1.0]);
    }
}

#[test]
fn element_types_and_undefined_rows() {
    let folder = Folder::new();
    let brains: Vec<bf16> = LOGITS.map(bf16::from_f32).to_vec();
    let tensors = [("logits", "BF16", &[3, 2][..], bytes(&brains, bf16::to_le_bytes))];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let out = folder.path("out.safetensors");
    for engine in ENGINES {
        let common = ["softmax", &file, "--device", engine, "--out", &text(&out)];
        assert_eq!(evaluate(&common)["result_element"], "bf16");
        let written = arrays(&out);
        assert_eq!(written[0].dtype, "BF16");
        assert_eq!(written[0].values[1], bf16::from_f32(P[0]).to_f32());
        evaluate(&[&common[..], &["--element", "f32"]].concat());
        holds(&out, "softmax", &[1.0 - P[0], P[0], P[1], 1.0 - P[1], 0.5, 0.5]);
        assert_eq!(arrays(&out)[0].dtype, "F32");
    }

    let values = [0.0, f32::NAN, f32::INFINITY, 0.0, 1.0, f32::NEG_INFINITY];
    let data = bytes(&values, f32::to_le_bytes);
    let file = folder.write("special.npy", &npy("<f4", false, "(3, 2)", &data));
    for engine in ENGINES {
        let found = evaluate(&["log-softmax", &file, "--device", engine]);
        assert_eq!(found["nan"], 4);
        assert_eq!((&found["smallest"], &found["largest"]), (&json!("-Infinity"), &json!(0.0)));
        let shown = run(&["eval", "softmax", &file, "--device", engine]);
        let line = "softmax              0 to 1 beside 4 NaN, f32";
        assert!(shown.stdout.contains(line), "{}", shown.stdout);
    }
}

/// The classes in the middle: each of the three rows side by side has a softmax of its own.
#[test]
fn class_axis() {
    let folder = Folder::new();
    let columns = bytes(&[2.0, 0.0, 1.0, 0.0, 3.0, 1.0], f32::to_le_bytes);
    let tensors = [("logits", "F32", &[1, 2, 3][..], columns)];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let out = folder.path("out.safetensors");
    let [p, q] = P;
    for engine in ENGINES {
        evaluate(&[
            "softmax",
            &file,
            "--class-axis",
            "1",
            "--device",
            engine,
            "--out",
            &text(&out),
        ]);
        let written = arrays(&out);
        assert_eq!(written[0].shape, [1, 2, 3]);
        for (found, expected) in written[0].values.iter().zip([1.0 - p, q, 0.5, p, 1.0 - q, 0.5]) {
            assert!((found - expected).abs() < 2e-6, "{found}, {expected}");
        }
    }
}

#[test]
fn wrong_upstream_gradients_are_refused() {
    let folder = Folder::new();
    let tensors = [
        ("logits", "F32", &[3, 2][..], logits()),
        ("g", "F32", &[2, 3], logits()),
        ("classes", "U8", &[3], vec![0, 1, 1]),
    ];
    let file = folder.write("file.safetensors", &safetensors(&tensors));
    let out = text(&folder.path("out.safetensors"));
    for (name, part) in [
        ("g", "upstream gradient: expected f32, f16, bf16 or f64 [3, 2], shaped as the logits"),
        ("classes", "found `classes` u8 [3]"),
        ("h", "no tensor `h`"),
    ] {
        let common = ["--upstream-tensor", name, "--out", &out, "--device", "cpu"];
        run(&[&["eval", "softmax", &file], &common[..]].concat()).fails_with(part);
    }
    assert_eq!(folder.names(), ["file.safetensors"]);
}
