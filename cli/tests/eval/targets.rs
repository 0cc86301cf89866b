//! Probabilities and weights.

use std::f64::consts::LN_2;

use wgpu_loss::half::f16;

use crate::common::{Folder, arrays, bytes, close, logits, npy, safetensors, text};
use crate::{AHEAD_BY_2, AHEAD_BY_3, cross_entropy, on_both};

const PROBABILITIES: [f32; 6] = [0.75, 0.25, 0.5, 0.5, 0.0, 1.0];

fn file(folder: &Folder) -> String {
    let halves: Vec<f16> = PROBABILITIES.map(f16::from_f32).to_vec();
    folder.write(
        "file.safetensors",
        &safetensors(&[
            ("logits", "F32", &[3, 2], logits()),
            ("targets", "U8", &[3], vec![0, 1, 1]),
            ("q", "F32", &[3, 2], bytes(&PROBABILITIES, f32::to_le_bytes)),
            ("half", "F16", &[3, 2], bytes(&halves, f16::to_le_bytes)),
            ("w", "F32", &[2], bytes(&[1.0, 4.0], f32::to_le_bytes)),
            ("v", "F32", &[3], bytes(&[0.5, 2.0, 1.0], f32::to_le_bytes)),
        ]),
    )
}

/// (w_y L_0 + ..) / (1 + 4 + 4).
#[test]
fn class_weights() {
    let folder = Folder::new();
    let file = file(&folder);
    let sum = AHEAD_BY_2 + 4.0 * AHEAD_BY_3 + 4.0 * LN_2;
    let check = |out: &serde_json::Value| {
        close(&out["loss"], sum / 9.0);
        close(&out["denominator"], 9.0);
        assert_eq!((&out["class_weights"], &out["row_weights"]), (&true.into(), &false.into()));
    };
    on_both(&file, "--logits logits --class-weights w", check);
    // With label smoothing, torch.nn.functional.cross_entropy(weight=..) has 0.4454915759.
    on_both(&file, "--logits logits --class-weights w --label-smoothing 0.2", |out| {
        close(&out["loss"], 0.445_491_575_9);
    });
    let weights =
        folder.write("w.npy", &npy("<f4", false, "(2,)", &bytes(&[1.0, 4.0], f32::to_le_bytes)));
    on_both(&file, &format!("--logits logits --class-weights-file {weights}"), check);
    let halves: Vec<f16> = [1.0, 4.0].map(f16::from_f32).to_vec();
    let tensors = [("only", "F16", &[2][..], bytes(&halves, f16::to_le_bytes))];
    let weights = folder.write("w.safetensors", &safetensors(&tensors));
    on_both(&file, &format!("--logits logits --class-weights-file {weights}"), check);
    let named = format!("--logits logits --class-weights-file {weights} --class-weights only");
    on_both(&file, &named, check);
    let text = cross_entropy(&[&file, "--logits", "logits", "--class-weights", "w"]);
    assert!(text.stdout.contains("sum of weights       9\n"), "{}", text.stdout);
}

/// (v_0 L_0 + ..) / (0.5 + 2 + 1).
#[test]
fn row_weights() {
    let folder = Folder::new();
    let file = file(&folder);
    let sum = 0.5 * AHEAD_BY_2 + 2.0 * AHEAD_BY_3 + LN_2;
    let check = |out: &serde_json::Value| {
        close(&out["loss"], sum / 3.5);
        close(&out["denominator"], 3.5);
        assert_eq!((&out["class_weights"], &out["row_weights"]), (&false.into(), &true.into()));
    };
    on_both(&file, "--logits logits --row-weights v", check);
    let values = bytes(&[0.5, 2.0, 1.0], f32::to_le_bytes);
    let weights = folder.write("v.npy", &npy("<f4", false, "(3,)", &values));
    on_both(&file, &format!("--logits logits --row-weights-file {weights}"), check);
    let both = 0.5 * AHEAD_BY_2 + 8.0 * AHEAD_BY_3 + 4.0 * LN_2;
    on_both(&file, "--logits logits --row-weights v --class-weights w --reduction sum", |out| {
        close(&out["loss"], both);
    });
    // Weights stay out of what the size of the batch divides.
    for (reduction, size) in [("batch-mean", 3.0), ("element-mean", 6.0)] {
        let options =
            format!("--logits logits --row-weights v --class-weights w --reduction {reduction}");
        on_both(&file, &options, |out| {
            close(&out["loss"], both / size);
            close(&out["denominator"], size);
            assert_eq!(out["reduction"], reduction);
        });
        let text = cross_entropy(&[
            &file,
            "--logits",
            "logits",
            "--row-weights",
            "v",
            "--reduction",
            reduction,
        ]);
        assert!(text.stdout.contains(&format!("({reduction})")), "{}", text.stdout);
        assert!(!text.stdout.contains("sum of weights"), "{}", text.stdout);
    }
}

/// Rows (0.75, 0.25), (0.5, 0.5), (0, 1): what the trailing class lacks, times its probability,
/// comes on top of the loss of the leading one.
#[test]
fn probabilities() {
    let folder = Folder::new();
    let file = file(&folder);
    let rows = [AHEAD_BY_2 + 0.25 * 2.0, AHEAD_BY_3 + 0.5 * 3.0, LN_2];
    let check = |out: &serde_json::Value| {
        close(&out["loss"], rows.iter().sum::<f64>() / 3.0);
        assert_eq!((&out["targets"], &out["counted"]), (&"probabilities".into(), &3.into()));
        assert!(out.get("accuracy").is_none());
    };
    on_both(&file, "--logits logits --probabilities q", check);
    on_both(&file, "--logits logits --probabilities half", check);
    on_both(&file, "--logits logits --targets q", check);
    let columns = [0.75, 0.5, 0.0, 0.25, 0.5, 1.0];
    let q = folder.write("q.npy", &npy("<f4", true, "(3, 2)", &bytes(&columns, f32::to_le_bytes)));
    on_both(&file, &format!("{q} --logits logits"), check);
    on_both(&file, &format!("--targets-file {q} --logits logits"), check);
    on_both(
        &file,
        "--logits logits --probabilities q --label-smoothing 0.1 --row-weights v",
        |out| {
            close(&out["loss"], 1.179_653_111_2);
        },
    );
}

/// The gradient of the sum: p - q in each row, as q sums to 1.
#[test]
fn gradient_of_probabilities() {
    let folder = Folder::new();
    let file = file(&folder);
    let out = folder.path("out.safetensors");
    let arguments = format!(
        "--logits logits --probabilities q --reduction sum --gradient --out {}",
        text(&out)
    );
    let (p, r) = (0.119_202_92, 0.047_425_873);
    let expected = [0.25 - p, p - 0.25, r - 0.5, 0.5 - r, 0.5, -0.5];
    on_both(&file, &arguments, |_| {
        let written = arrays(&out);
        let names: Vec<_> = written.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["argmax", "gradient", "log_sum_exp", "loss"]);
        for (found, expected) in written[1].values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
        }
    });
}

/// Logits are never taken for their own targets.
#[test]
fn probabilities_must_be_named() {
    let folder = Folder::new();
    let tensors = [("logits", "F32", &[3, 2][..], logits())];
    let alone = folder.write("alone.safetensors", &safetensors(&tensors));
    cross_entropy(&[&alone, "--device", "cpu"]).fails_with("no tensor `targets` and none");
}
