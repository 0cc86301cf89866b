//! Element types of logits, targets and gradients.

use std::f64::consts::LN_2;

use wgpu_loss::half::{bf16, f16};

use crate::common::{Folder, LOGITS, arrays, bytes, close, logits, npy, run, safetensors, text};
use crate::{AHEAD_BY_2, AHEAD_BY_3, ENGINES, cross_entropy, on_both};

#[test]
fn npy_targets_of_every_type() {
    let folder = Folder::new();
    let rows = folder.write("logits.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let targets = [
        ("i4.npy", "<i4", bytes(&[0, 1, 1], i32::to_le_bytes)),
        ("i8.npy", "<i8", bytes(&[0, 1, 1], i64::to_le_bytes)),
        ("u4.npy", "<u4", bytes(&[0, 1, 1], u32::to_le_bytes)),
        ("u1.npy", "|u1", vec![0, 1, 1]),
    ];
    let expected = (AHEAD_BY_2 + AHEAD_BY_3 + LN_2) / 3.0;
    for (name, descr, data) in targets {
        let targets = folder.write(name, &npy(descr, false, "(3,)", &data));
        let positional = cross_entropy(&[&rows, &targets, "--device", "oracle", "--json"]).json();
        close(&positional["loss"], expected);
        let option =
            cross_entropy(&[&rows, "--targets-file", &targets, "--device", "cpu", "--json"]).json();
        close(&option["loss"], expected);
    }
    let columns = [2.0, 0.0, 1.0, 0.0, 3.0, 1.0_f32];
    let fortran = folder
        .write("fortran.npy", &npy("<f4", true, "(3, 2)", &bytes(&columns, f32::to_le_bytes)));
    let transposed =
        cross_entropy(&[&fortran, &text(&folder.path("u1.npy")), "--device", "oracle", "--json"]);
    close(&transposed.json()["loss"], expected);
}

#[test]
fn safetensors_targets_of_every_type() {
    let folder = Folder::new();
    let targets = [
        ("I32", bytes(&[0, 1, 1], i32::to_le_bytes)),
        ("I64", bytes(&[0, 1, 1], i64::to_le_bytes)),
        ("U32", bytes(&[0, 1, 1], u32::to_le_bytes)),
        ("U8", vec![0, 1, 1]),
    ];
    for (dtype, data) in targets {
        let tensors = [("logits", "F32", &[3, 2][..], logits()), ("targets", dtype, &[3], data)];
        let file = folder.write("file.safetensors", &safetensors(&tensors));
        on_both(&file, "", |out| {
            close(&out["loss"], (AHEAD_BY_2 + AHEAD_BY_3 + LN_2) / 3.0);
            close(&out["accuracy"], 2.0 / 3.0);
        });
    }
    // Beyond what 32 bits with a sign hold, and still a class index that the message names.
    let targets = bytes(&[0, 4_000_000_000, 1], u32::to_le_bytes);
    let tensors = [("logits", "F32", &[3, 2][..], logits()), ("targets", "U32", &[3], targets)];
    let file = folder.write("file.safetensors", &safetensors(&tensors));
    for engine in ENGINES {
        cross_entropy(&[&file, "--device", engine])
            .fails_with("target of row 1 is 4000000000, expected 0 to 1");
    }
}

/// [`LOGITS`] are exact in every type, so the losses are those of float32.
#[test]
fn logits_of_every_type() {
    let folder = Folder::new();
    let targets = folder.write("targets.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    let halves: Vec<f16> = LOGITS.map(f16::from_f32).to_vec();
    let brains: Vec<bf16> = LOGITS.map(bf16::from_f32).to_vec();
    let files = [
        ("f16", "F16", bytes(&halves, f16::to_le_bytes)),
        ("bf16", "BF16", bytes(&brains, bf16::to_le_bytes)),
        ("f32", "F32", logits()),
    ];
    for (element, dtype, data) in files {
        let tensors = [("logits", dtype, &[3, 2][..], data)];
        let file = folder.write("x.safetensors", &safetensors(&tensors));
        on_both(&file, &targets, |out| {
            close(&out["loss"], (AHEAD_BY_2 + AHEAD_BY_3 + LN_2) / 3.0);
            assert_eq!(out["element"], element);
        });
        let sum = run(&["eval", "log-sum-exp", &file, "--device", "cpu", "--json"]).json();
        close(&sum["log_sum_exp"][1], 3.0 + AHEAD_BY_3);
    }
    let data = bytes(&halves, f16::to_le_bytes);
    let file = folder.write("half.npy", &npy("<f2", false, "(3, 2)", &data));
    on_both(&file, &targets, |out| {
        close(&out["loss"], (AHEAD_BY_2 + AHEAD_BY_3 + LN_2) / 3.0);
        assert_eq!(out["element"], "f16");
    });
}

/// The gradient is the logits' type unless another is asked for, rounded once.
#[test]
fn gradients_of_every_type() {
    let folder = Folder::new();
    let out = folder.path("out.safetensors");
    let targets = folder.write("targets.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    let brains: Vec<bf16> = LOGITS.map(bf16::from_f32).to_vec();
    let tensors = [("logits", "BF16", &[3, 2][..], bytes(&brains, bf16::to_le_bytes))];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    // p - 1 and p of rows that lead by 2, by 3 and not at all.
    let (p, q) = (0.119_202_92_f32, 0.047_425_873_f32);
    let exact = [-p, p, q, -q, 0.5, -0.5];
    let rounded = |element: &str, value: f32| match element {
        "f16" => f16::from_f32(value).to_f32(),
        "bf16" => bf16::from_f32(value).to_f32(),
        _ => value,
    };
    for (option, element, dtype) in [
        ("", "bf16", "BF16"),
        ("f32", "f32", "F32"),
        ("f16", "f16", "F16"),
        ("bf16", "bf16", "BF16"),
    ] {
        let option =
            if option.is_empty() { String::new() } else { format!("--gradient-element {option}") };
        let arguments =
            format!("{targets} --gradient --reduction sum --out {} {option}", text(&out));
        on_both(&file, &arguments, |json| {
            assert_eq!(json["gradient_element"], element);
            let written = arrays(&out);
            assert_eq!((written[1].name.as_str(), written[1].dtype), ("gradient", dtype));
            assert_eq!(written[1].shape, [3, 2]);
            for (found, exact) in written[1].values.iter().zip(exact) {
                let expected = rounded(element, exact);
                // One unit of the type, since the engines' float32 may round apart.
                let unit = if element == "f32" { 2e-6 } else { expected.abs() / 128.0 };
                assert!((found - expected).abs() <= unit, "{option}: {found}, {expected}");
                assert_eq!(rounded(element, *found), *found);
            }
        });
    }
}
