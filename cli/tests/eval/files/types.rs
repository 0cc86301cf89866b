//! Element types, byte orders and places of data, as NumPy, ml_dtypes, MLX and JAX write them.

use serde_json::json;
use wgpu_loss::half::{bf16, f16};

use super::MEAN;
use crate::common::{Folder, LOGITS, bytes, close, logits, npy, run, safetensors};
use crate::{AHEAD_BY_2, AHEAD_BY_3, ENGINES, cross_entropy, on_both, on_both_of};

/// A .npy file of another version, its data where the header ends: at any byte.
fn npy_of_version(version: u8, descr: &str, shape: &str, data: &[u8], pad: usize) -> Vec<u8> {
    let header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}{}\n",
        " ".repeat(pad)
    );
    let length = match version {
        1 => (header.len() as u16).to_le_bytes().to_vec(),
        _ => (header.len() as u32).to_le_bytes().to_vec(),
    };
    [b"\x93NUMPY".as_slice(), &[version, 0], &length, header.as_bytes(), data].concat()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    bytes(values, f64::to_le_bytes)
}

#[test]
fn logits_of_every_type_and_byte_order() {
    let folder = Folder::new();
    let targets = folder.write("targets.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    let halves = LOGITS.map(f16::from_f32);
    let brains = LOGITS.map(bf16::from_f32);
    let wide = LOGITS.map(f64::from);
    let files = [
        ("<V2", "bf16", bytes(&brains, bf16::to_le_bytes)),
        ("|V2", "bf16", bytes(&brains, bf16::to_le_bytes)),
        ("<f2", "f16", bytes(&halves, f16::to_le_bytes)),
        (">f2", "f16", bytes(&halves, f16::to_be_bytes)),
        (">f4", "f32", bytes(&LOGITS, f32::to_be_bytes)),
        ("<f8", "f32", bytes(&wide, f64::to_le_bytes)),
        (">f8", "f32", bytes(&wide, f64::to_be_bytes)),
    ];
    for (descr, element, data) in &files {
        let rows = folder.write("rows", &npy(descr, false, "(3, 2)", data));
        on_both(&rows, &targets, |out| {
            close(&out["loss"], MEAN);
            assert_eq!(out["element"], *element, "{descr}");
            let converted = json!([{"operand": "logits", "from": "f64", "to": "f32", "beyond": 0}]);
            let expected = descr.ends_with("f8").then_some(converted);
            assert_eq!(out.get("converted"), expected.as_ref(), "{descr}");
        });
        // The same numbers, the first dimension contiguous.
        let size = data.len() / 6;
        let turned: Vec<u8> = [0, 2, 4, 1, 3, 5]
            .iter()
            .flat_map(|at| data[at * size..(at + 1) * size].to_vec())
            .collect();
        let columns = folder.write("columns", &npy(descr, true, "(3, 2)", &turned));
        on_both(&columns, &targets, |out| close(&out["loss"], MEAN));
    }
    let tensors =
        [("logits", "F64", &[3, 2][..], doubles(&wide)), ("targets", "U8", &[3], vec![0, 1, 1])];
    let file = folder.write("double.safetensors", &safetensors(&tensors));
    on_both(&file, "", |out| close(&out["loss"], MEAN));
    let text = cross_entropy(&[&file, "--device", "cpu"]).stdout;
    assert!(text.contains("rounded              logits, once, from f64 to f32\n"), "{text}");
}

#[test]
fn versions_and_places_of_data() {
    let folder = Folder::new();
    let targets = folder.write("targets.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    for version in [1, 2, 3] {
        for pad in 0..9 {
            let whole = npy_of_version(version, "<f4", "(3, 2)", &logits(), pad);
            let rows = folder.write("rows.npy", &whole);
            let out = cross_entropy(&[&rows, &targets, "--device", "cpu", "--json"]).json();
            close(&out["loss"], MEAN);
        }
    }
    let other = npy_of_version(4, "<f4", "(3, 2)", &logits(), 0);
    let rows = folder.write("rows.npy", &other);
    cross_entropy(&[&rows, &targets, "--device", "cpu"]).fails_with("version 4.0");
    // What MLX writes: a header that is not padded, in an order of its own.
    for name in ["a", "ab", "abc", "abcd"] {
        let tensors = [
            (name, "U8", &[1][..], vec![7]),
            ("targets", "I16", &[3], bytes(&[0, 1, 1], i16::to_le_bytes)),
            ("logits", "F64", &[3, 2], doubles(&LOGITS.map(f64::from))),
        ];
        let file = folder.write("file", &safetensors(&tensors));
        on_both(&file, "", |out| close(&out["loss"], MEAN));
    }
}

#[test]
fn double_precision_is_rounded_once() {
    let folder = Folder::new();
    // The nearest float is above 1; by way of f16 or bf16 it would be 1.
    let near = 1.0 + 2.0_f64.powi(-24) + 2.0_f64.powi(-50);
    let values = folder.write("x.npy", &npy("<f8", false, "(2, 1)", &doubles(&[near, 1e300])));
    for engine in ENGINES {
        let line = ["eval", "reduce", &values, "--axis", "row", "--device", engine, "--json"];
        let out = run(&line).json();
        assert_eq!(out["values"], json!([1.000_000_1, "Infinity"]));
        assert_eq!(out["converted"][0]["beyond"], 1);
    }
    let text = run(&["eval", "reduce", &values, "--device", "cpu"]).stdout;
    assert!(text.contains("from f64 to f32; 1 number beyond it is infinite\n"), "{text}");
}

/// Targets 0, 1, 1 in every integer type.
fn classes() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("|i1", vec![0, 1, 1]),
        ("<i2", bytes(&[0, 1, 1], i16::to_le_bytes)),
        (">i2", bytes(&[0, 1, 1], i16::to_be_bytes)),
        (">i4", bytes(&[0, 1, 1], i32::to_be_bytes)),
        (">i8", bytes(&[0, 1, 1], i64::to_be_bytes)),
        ("<u2", bytes(&[0, 1, 1], u16::to_le_bytes)),
        (">u2", bytes(&[0, 1, 1], u16::to_be_bytes)),
        (">u4", bytes(&[0, 1, 1], u32::to_be_bytes)),
        ("<u8", bytes(&[0, 1, 1], u64::to_le_bytes)),
        (">u8", bytes(&[0, 1, 1], u64::to_be_bytes)),
        ("|b1", vec![0, 1, 1]),
    ]
}

#[test]
fn targets_of_every_integer_type() {
    let folder = Folder::new();
    let rows = folder.write("logits.npy", &npy("<f4", false, "(3, 2)", &logits()));
    for (descr, data) in classes() {
        for shape in ["(3,)", "(3, 1)"] {
            let targets = folder.write("targets.npy", &npy(descr, false, shape, &data));
            on_both(&rows, &targets, |out| {
                close(&out["loss"], MEAN);
                assert_eq!(out["targets"], "classes", "{descr} {shape}");
            });
        }
    }
    for (dtype, data) in [
        ("I8", vec![0, 1, 1]),
        ("I16", bytes(&[0, 1, 1], i16::to_le_bytes)),
        ("U16", bytes(&[0, 1, 1], u16::to_le_bytes)),
        ("U64", bytes(&[0, 1, 1], u64::to_le_bytes)),
        ("BOOL", vec![0, 1, 1]),
    ] {
        let tensors = [("logits", "F32", &[3, 2][..], logits()), ("labels", dtype, &[3, 1], data)];
        let file = folder.write("file.safetensors", &safetensors(&tensors));
        on_both(&file, "", |out| close(&out["loss"], MEAN));
        on_both(&file, "--targets labels", |out| close(&out["loss"], MEAN));
    }
}

/// PyTorch's (N, C, H, W) with a class for each of (N, 1, H, W), and the ignore index in 8 bits.
#[test]
fn a_dimension_of_one_in_place_of_the_classes() {
    let folder = Folder::new();
    let columns = [2.0, 0.0, 1.0, 0.0, 3.0, 1.0_f32];
    let rows = folder
        .write("x.npy", &npy("<f4", false, "(1, 2, 1, 3)", &bytes(&columns, f32::to_le_bytes)));
    for shape in ["(1, 1, 1, 3)", "(1, 1, 3)", "(1, 1, 3, 1)", "(3,)"] {
        let targets = folder.write("y.npy", &npy("|i1", false, shape, &[0, 0x9c, 1]));
        on_both(&rows, &format!("{targets} --class-axis 1 --reduction sum"), |out| {
            close(&out["loss"], AHEAD_BY_2 + std::f64::consts::LN_2);
            assert_eq!(out["counted"], 2, "{shape}");
        });
    }
}

#[test]
fn what_is_no_class_is_refused_by_row_and_value() {
    let folder = Folder::new();
    let rows = folder.write("logits.npy", &npy("<f4", false, "(3, 2)", &logits()));
    for (descr, data, part) in [
        ("|i1", vec![0, 1, 0xff], "target of row 2 is -1, expected 0 to 1"),
        (">i2", vec![0, 0, 1, 0, 0, 1], "target of row 1 is 256, expected 0 to 1"),
        ("<u2", bytes(&[0, 1, 65_535], u16::to_le_bytes), "target of row 2 is 65535, expected"),
        (
            "<u8",
            bytes(&[0, u64::MAX, 0], u64::to_le_bytes),
            "row 1 is 18446744073709551615, expected",
        ),
        (">u8", bytes(&[0, 0, 1 << 40], u64::to_be_bytes), "target of row 2 is 1099511627776"),
        ("|b1", vec![0, 2, 1], "row 1 is 2, expected 0 or 1 of a bool"),
        (
            "<f4",
            bytes(&[0.0, 1.0, 1.0], f32::to_le_bytes),
            "found f32 [3]; classes must be integers",
        ),
        ("<f8", doubles(&[0.0, 1.0, 1.0]), "x.astype(\"int64\")"),
        ("<f8", doubles(&[0.0, 0.5, 1.0]), "classes must be integers, and row 1 is 0.5"),
        ("<c8", vec![0; 24], "found c64 [3]"),
        ("<U1", vec![0; 12], "found text [3]"),
        ("<M8[ns]", vec![0; 24], "found dates [3]"),
    ] {
        for engine in ENGINES {
            let targets = folder.write("targets.npy", &npy(descr, false, "(3,)", &data));
            cross_entropy(&[&rows, &targets, "--device", engine]).fails_with(part);
        }
    }
    let column = npy("<f8", false, "(3, 1)", &doubles(&[0.0, 1.0, 1.0]));
    let targets = folder.write("targets.npy", &column);
    cross_entropy(&[&rows, &targets, "--device", "cpu"]).fails_with("classes must be integers");
}

#[test]
fn segments_of_every_integer_type() {
    let folder = Folder::new();
    let values = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    for (descr, data) in classes() {
        let ids = folder.write("ids.npy", &npy(descr, false, "(3, 1)", &data));
        on_both_of("reduce", &values, &format!("--segment-ids {ids}"), |out| {
            assert_eq!(out["values"], json!([2.0, 0.0, 1.0, 4.0]), "{descr}");
        });
    }
    for (descr, data) in [
        ("|i1", vec![0, 1, 3]),
        (">u2", bytes(&[0, 1, 3], u16::to_be_bytes)),
        ("<u8", bytes(&[0, 1, 3], u64::to_le_bytes)),
    ] {
        let offsets = folder.write("offsets.npy", &npy(descr, false, "(3,)", &data));
        on_both_of("reduce", &values, &format!("--segment-offsets {offsets}"), |out| {
            assert_eq!(out["values"], json!([2.0, 0.0, 1.0, 4.0]), "{descr}");
        });
    }
    let floats = folder.write("f.npy", &npy("<f8", false, "(3,)", &doubles(&[0.0, 1.0, 1.0])));
    run(&["eval", "reduce", &values, "--segment-ids", &floats, "--device", "cpu"])
        .fails_with("segment ids: expected integers or bool [3], found f64 [3]; they must be");
    let large = bytes(&[0, u64::MAX, 0], u64::to_le_bytes);
    let large = folder.write("l.npy", &npy("<u8", false, "(3,)", &large));
    run(&["eval", "reduce", &values, "--segment-ids", &large, "--device", "cpu"])
        .fails_with("segment ids: row 1 is 18446744073709551615");
}

/// Weights, teachers, upstream gradients, variances.
#[test]
fn other_operands_of_every_float_type() {
    let folder = Folder::new();
    let rows = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let targets = folder.write("t.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    let of_rows = |values: [f64; 3]| {
        let brains = values.map(bf16::from_f64);
        [
            npy("<f8", false, "(3, 1)", &doubles(&values)),
            npy(">f8", false, "(3,)", &bytes(&values, f64::to_be_bytes)),
            npy("<V2", false, "(3,)", &bytes(&brains, bf16::to_le_bytes)),
            npy(">f4", false, "(3,)", &bytes(&values.map(|it| it as f32), f32::to_be_bytes)),
        ]
    };
    let sum = 0.5 * AHEAD_BY_2 + 2.0 * AHEAD_BY_3 + std::f64::consts::LN_2;
    for file in of_rows([0.5, 2.0, 1.0]) {
        let weights = folder.write("v.npy", &file);
        on_both(&rows, &format!("{targets} --row-weights {weights}"), |out| {
            close(&out["loss"], sum / 3.5);
        });
        on_both_of("reduce", &rows, &format!("{weights} --axis column"), |out| {
            assert_eq!(out["values"], json!([2.0, 7.0]));
        });
        let line = format!("{rows} --row-weights {weights} --temperature 2");
        on_both_of("softmax-kl-divergence", &rows, &line, |out| close(&out["loss"], 0.0));
        // A variance of each row, then what the losses are multiplied by.
        let line = format!("{rows} {weights} --full");
        on_both_of("gaussian", &rows, &line, |out| {
            let log = (0.5_f64.ln() + 2.0_f64.ln()) / 3.0;
            close(&out["values"][0], 0.5 * (log + (2.0 * std::f64::consts::PI).ln()));
        });
        let out = folder.path("g.safetensors");
        let line = format!(
            "{rows} --gradient --reduction none --upstream {weights} --out {}",
            out.display()
        );
        on_both_of("softmax-jensen-shannon", &rows, &line, |json| {
            assert_eq!(json["gradient"], true);
        });
    }
    let wide = npy("<f8", false, "(3, 2)", &doubles(&LOGITS.map(f64::from)));
    let teacher = folder.write("teacher.npy", &wide);
    on_both_of("softmax-kl-divergence", &rows, &teacher, |out| {
        close(&out["loss"], 0.0);
        assert_eq!(out["converted"][0]["operand"], "teacher");
    });
    on_both_of("softmax", &rows, &format!("--upstream {teacher}"), |out| {
        assert_eq!((&out["gradient"], &out["nan"]), (&json!(true), &json!(0)));
    });
}

/// Labels and counts, as scikit-learn and pandas have them.
#[test]
fn element_wise_targets_may_be_integers() {
    let folder = Folder::new();
    let input = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    // softplus(x) of negatives, softplus(-x) of positives.
    let ln_2 = std::f64::consts::LN_2;
    let expected = (AHEAD_BY_2 + ln_2 + ln_2 + AHEAD_BY_3 + 2.0 * 1.313_261_687_518_222_8) / 6.0;
    for (descr, data) in [
        ("|b1", vec![1, 0, 0, 1, 0, 0]),
        ("<i8", bytes(&[1, 0, 0, 1, 0, 0], i64::to_le_bytes)),
        (">u2", bytes(&[1, 0, 0, 1, 0, 0], u16::to_be_bytes)),
    ] {
        let target = folder.write("t.npy", &npy(descr, false, "(3, 2)", &data));
        on_both_of("binary-cross-entropy", &input, &target, |out| {
            close(&out["values"][0], expected);
        });
    }
    let large = bytes(&[1, 0, 0, 16_777_217, 0, 0], i64::to_le_bytes);
    let target = folder.write("t.npy", &npy("<i8", false, "(3, 2)", &large));
    run(&["eval", "poisson", &input, &target, "--device", "cpu"])
        .fails_with("target: element 3 is 16777217, which f32 does not hold");
}
