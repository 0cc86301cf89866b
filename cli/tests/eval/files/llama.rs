//! The logits that llama.cpp's `llama-perplexity --save-all-logits` writes. Numbers of the two real
//! files were worked out by a reader of its own, in double precision.

use serde_json::json;

use crate::common::{Folder, arrays, bytes, close, npy, run, text};
use crate::{ENGINES, cross_entropy, on_both, on_both_of};

const PLAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/llama_logits_261x93.kld");
const CLAMPED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/llama_logits_clamped_261x93.kld");

/// A file of so many chunks of 5 tokens, of a vocabulary of `classes`: two rows a chunk, which say
/// how far above -8 a class is, in steps of 1 / 8, but for the last row, which spans 16.
fn file(chunks: usize, classes: usize, code: impl Fn(usize, usize) -> u16) -> Vec<u8> {
    let mut bytes = b"_logits_".to_vec();
    for count in [5, classes, chunks] {
        bytes.extend((count as i32).to_le_bytes());
    }
    for token in 0..5 * chunks {
        bytes.extend(((token % classes) as i32).to_le_bytes());
    }
    for row in 0..2 * chunks {
        let scale = if row + 1 == 2 * chunks { 16.0 / 65_535.0 } else { 0.125_f32 };
        bytes.extend(scale.to_le_bytes());
        bytes.extend((-8.0_f32).to_le_bytes());
        for class in 0..classes.next_multiple_of(2) {
            let code = if class < classes { code(row, class) } else { 0xffff };
            bytes.extend(code.to_le_bytes());
        }
    }
    bytes
}

#[test]
fn perplexity_of_real_files() {
    on_both(PLAIN, "", |out| {
        close(&out["loss"], 6.052_148_577_298_794);
        close(&out["perplexity"], 425.025_249_309);
        assert_eq!(
            (&out["rows"], &out["classes"], &out["counted"]),
            (&json!(93), &json!(261), &json!(93))
        );
        assert_eq!(out["options"]["input"], "log-probabilities");
        let clamp = json!([{"operand": "logits", "values": 24273, "lowest": 93, "clamped": 0, "clamped_targets": 0}]);
        assert_eq!(out["llama_cpp"], clamp);
    });
    on_both(CLAMPED, "", |out| {
        close(&out["loss"], 13.557_520_113_164_38);
        let perplexity = out["perplexity"].as_f64().expect("a number");
        assert!((perplexity / 772_602.614_444 - 1.0).abs() < 1e-5, "{perplexity}");
        let clamp = json!([{"operand": "logits", "values": 24273, "lowest": 12264, "clamped": 12264, "clamped_targets": 27}]);
        assert_eq!(out["llama_cpp"], clamp);
    });
    let text = cross_entropy(&[CLAMPED, "--device", "cpu"]).stdout;
    for part in [
        "perplexity           772",
        "clamped              12264 of 24273 logits, stored as 16 below the row's most",
        "bounds               27 rows with such a target: no less than this loss",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = cross_entropy(&[PLAIN, "--device", "cpu"]).stdout;
    assert!(text.contains("perplexity           425.025\n"), "{text}");
    assert!(!text.contains("bounds"), "{text}");
}

/// What only logits have: they are normalised, which changes the loss by 1e-8.
#[test]
fn options_of_logits() {
    on_both(PLAIN, "--rows entropy,loss --correct", |out| {
        close(&out["loss"], 6.052_148_654);
        assert_eq!((&out["correct"], &out["options"]["input"]), (&json!(0), &json!("logits")));
        let entropy = out["entropy"].as_array().expect("rows");
        let mean = entropy.iter().filter_map(|it| it.as_f64()).sum::<f64>() / 93.0;
        assert!((mean - 4.890_031_478_556).abs() < 1e-5, "{mean}");
    });
    on_both_of("log-sum-exp", PLAIN, "", |out| {
        for value in out["log_sum_exp"].as_array().expect("rows") {
            assert!(value.as_f64().is_some_and(|value| value.abs() < 1e-5), "{value}");
        }
    });
    let folder = Folder::new();
    let out = folder.path("out.safetensors");
    let written = text(&out);
    on_both(PLAIN, &format!("--gradient --reduction sum --out {written}"), |_| {
        let arrays = arrays(&out);
        let gradient = arrays.iter().find(|it| it.name == "gradient").expect("written");
        assert_eq!(gradient.shape, [93, 261]);
        let row: f32 = gradient.values[..261].iter().sum();
        assert!(row.abs() < 1e-5, "{row}");
    });
}

#[test]
fn as_teacher_and_student() {
    on_both_of("softmax-kl-divergence", PLAIN, CLAMPED, |out| {
        close(&out["loss"], 1.798_560_109_275);
        let operands: Vec<_> = out["llama_cpp"]
            .as_array()
            .expect("two")
            .iter()
            .map(|it| it["operand"].clone())
            .collect();
        assert_eq!(operands, ["logits", "teacher"]);
    });
    on_both_of("softmax-kl-divergence", CLAMPED, &format!("--teacher {PLAIN}"), |out| {
        close(&out["loss"], 4.728_311_485_220);
    });
    on_both_of("softmax-jensen-shannon", PLAIN, CLAMPED, |out| {
        close(&out["loss"], 0.413_346_738_168);
    });
    // Rows of an array with the dimensions of chunks.
    let folder = Folder::new();
    let zeros = folder.write("x.npy", &npy("<f2", false, "(3, 31, 261)", &vec![0; 2 * 93 * 261]));
    on_both_of("softmax-kl-divergence", &zeros, PLAIN, |out| {
        close(&out["loss"], 261.0_f64.ln() - 4.890_031_478_556);
    });
    let fewer = folder.write("y.npy", &npy("<f2", false, "(92, 261)", &vec![0; 2 * 92 * 261]));
    run(&["eval", "softmax-kl-divergence", &fewer, PLAIN, "--device", "cpu"])
        .fails_with("[92, 261], shaped as the logits; the file has `logits` f32 [93, 261]");
    // What is compared with itself was forgotten.
    run(&["eval", "softmax-kl-divergence", PLAIN, "--device", "cpu"])
        .fails_with("no tensor `teacher` and none that could be it");
    // Targets of one file for the logits of another.
    on_both(&zeros, PLAIN, |out| close(&out["loss"], 261.0_f64.ln()));
}

#[test]
fn log_probabilities_are_neither_probabilities_nor_weights() {
    let folder = Folder::new();
    let zeros = folder.write("x.npy", &npy("<f4", false, "(93, 261)", &vec![0; 4 * 93 * 261]));
    cross_entropy(&[&zeros, "--probabilities", PLAIN, "--device", "cpu"])
        .fails_with("probabilities: expected none of llama.cpp's logits");
    run(&["eval", "softmax", &zeros, "--upstream", PLAIN, "--device", "cpu"])
        .fails_with("upstream gradient: expected none of llama.cpp's logits");
    run(&["eval", "reduce", &zeros, &format!("{PLAIN}:logits"), "--device", "cpu"])
        .fails_with("weights: expected none of llama.cpp's logits");
}

/// A vocabulary of an even and of an odd size; the target of row r is token r + 3 of its chunk.
#[test]
fn codes_and_targets() {
    let folder = Folder::new();
    for classes in [6, 7] {
        let bytes = file(1, classes, |row, class| (8 * row + class) as u16);
        let rows = folder.write("l", &bytes);
        on_both(&rows, "--rows loss", |out| {
            let second = 8.0 - 12.0 * 16.0 / 65_535.0;
            close(&out["loss_rows"][0], 8.0 - 3.0 / 8.0);
            close(&out["loss_rows"][1], second);
            close(&out["perplexity"], ((8.0 - 3.0 / 8.0 + second) / 2.0).exp());
            // No code of the last row is 0.
            assert_eq!(
                (&out["llama_cpp"][0]["lowest"], &out["llama_cpp"][0]["clamped"]),
                (&json!(1), &json!(0))
            );
        });
        // Two files of one batch.
        let both = folder.write("m", &file(2, classes, |_, _| 0));
        on_both(&rows, &format!("--and {both} --reduction none"), |out| {
            assert_eq!(out["rows"], 6);
            close(&out["loss_rows"][5], 8.0);
            let clamp = &out["llama_cpp"][0];
            assert_eq!(
                (&clamp["values"], &clamp["clamped"], &clamp["clamped_targets"]),
                (&json!(6 * classes), &json!(classes), &json!(1))
            );
        });
        let targets = folder.write("t.npy", &npy("<i8", false, "(2,)", &bytes_of(&[0, 1])));
        on_both(&rows, &format!("{targets} --reduction sum"), |out| {
            close(&out["loss"], 16.0 - 9.0 * 16.0 / 65_535.0);
            assert!(out.get("perplexity").is_none());
        });
    }
    let mut wrong = file(1, 6, |_, _| 0);
    wrong[20 + 4 * 4..20 + 4 * 5].copy_from_slice(&9_i32.to_le_bytes());
    let rows = folder.write("l", &wrong);
    for engine in ENGINES {
        cross_entropy(&[&rows, "--device", engine])
            .fails_with("target of row 1 is 9, expected 0 to 5");
    }
}

fn bytes_of(values: &[i64]) -> Vec<u8> {
    bytes(values, i64::to_le_bytes)
}

#[test]
fn damaged_files_are_refused_exactly() {
    let folder = Folder::new();
    let whole = file(3, 7, |_, _| 0);
    let refused = |bytes: &[u8], part: &str| {
        let rows = folder.write("l.kld", bytes);
        cross_entropy(&[&rows, "--device", "cpu"]).fails_with(part);
    };
    refused(&whole[..10], "truncated inside the header of llama.cpp's logits");
    refused(&whole[..30], "which ends among the tokens");
    let record = 8 + 2 * 8;
    refused(
        &whole[..20 + 60 + 3 * record + 5],
        "truncated: llama.cpp's logits of 3 chunks of 5 tokens, vocabulary of 7, take 224 bytes, \
         the file has 157, which ends in row 3 of 6, chunk 1",
    );
    refused(&[whole.as_slice(), &[0]].concat(), "bytes after the last row");
    for (at, what) in
        [(8, "tokens of a chunk"), (12, "size of the vocabulary"), (16, "number of chunks")]
    {
        for value in [0, -1, i32::MIN] {
            let mut wrong = whole.clone();
            wrong[at..at + 4].copy_from_slice(&value.to_le_bytes());
            refused(&wrong, &format!("{what}: expected at least 1, found {value}"));
        }
        let mut huge = whole.clone();
        huge[at..at + 4].copy_from_slice(&i32::MAX.to_le_bytes());
        refused(&huge, "truncated: llama.cpp's logits");
    }
    let mut huge = whole;
    huge[8..20].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f].repeat(3));
    refused(&huge, "wrong header of llama.cpp's logits: too large");
}
