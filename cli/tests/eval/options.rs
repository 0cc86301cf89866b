//! What the loss is: every option of `eval cross-entropy` beside the targets.

use std::f64::consts::LN_2;

use crate::common::{Folder, arrays, bytes, close, logits, npy, pair, safetensors, text};
use crate::{AHEAD_BY_2, AHEAD_BY_3, cross_entropy, on_both};

/// Half of eps goes to each class: rows that lead by 2 cost eps / 2 * 2 more.
#[test]
fn label_smoothing() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    on_both(&file, "--label-smoothing 0.1", |out| {
        close(&out["loss"], (AHEAD_BY_2 + 0.1 + LN_2) / 2.0);
        close(&out["options"]["label_smoothing"], 0.1);
    });
}

/// The mean of 0.01 lse^2, with lse = 2.126928 and 1.693147.
#[test]
fn z_loss() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let squares = [(2.0 + AHEAD_BY_2).powi(2), 0.0, (1.0 + LN_2).powi(2)];
    let z = 0.01 * (squares[0] + squares[2]) / 2.0;
    close(&z.into(), 0.036_952_850_7);
    on_both(&file, "--z-loss 0.01 --rows loss,z-loss", |out| {
        close(&out["loss"], (AHEAD_BY_2 + LN_2) / 2.0 + z);
        close(&out["z_loss"], z);
        for (row, square) in squares.into_iter().enumerate() {
            close(&out["z_loss_rows"][row], 0.01 * square);
        }
        close(&out["loss_rows"][0], AHEAD_BY_2 + 0.01 * squares[0]);
    });
    on_both(&file, "", |out| assert!(out.get("z_loss").is_none()));
    let run = cross_entropy(&[&file, "--z-loss", "0.01", "--device", "oracle"]);
    assert!(run.stdout.contains("z-loss               0.0369528"), "{}", run.stdout);
    assert!(run.stdout.contains("loss                 0.44699"), "{}", run.stdout);
}

/// At half the scale the row leads by 1: log(1 + e^-1).
#[test]
fn logit_scale() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    on_both(&file, "--logit-scale 0.5", |out| {
        close(&out["loss"], (0.313_261_687_518 + LN_2) / 2.0);
    });
    // Turned around, the row trails by 2 and no other class is the most likely.
    on_both(&file, "--logit-scale -1", |out| {
        close(&out["loss"], (2.0 + AHEAD_BY_2 + LN_2) / 2.0);
        assert_eq!(out["correct"], 0);
    });
}

/// 2 tanh(2 / 2) = 1.523188: log(1 + e^-1.523188) = 0.197223. The gradient has the factor
/// 1 - tanh^2.
#[test]
fn softcap() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let out = folder.path("out.safetensors");
    let arguments = format!("--softcap 2 --reduction sum --gradient --out {}", text(&out));
    on_both(&file, &arguments, |json| {
        close(&json["loss"], 0.197_223_039_235 + LN_2);
        let written = arrays(&out);
        let gradient = &written.iter().find(|it| it.name == "gradient").expect("it").values;
        for (found, expected) in gradient.iter().zip([-0.075_172_26, 0.178_992_5]) {
            assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
        }
    });
    on_both(&file, "--softcap 2 --logit-scale 3 --reduction sum", |json| {
        close(&json["loss"], 0.821_259_315_467);
    });
}

/// The corners of the strict mode, PyTorch's, and of the masked one.
#[test]
fn masked() {
    let folder = Folder::new();
    let nan_row = [2.0, 0.0, f32::NAN, 3.0];
    let file = folder.write(
        "nan.safetensors",
        &safetensors(&[
            ("logits", "F32", &[2, 2], bytes(&nan_row, f32::to_le_bytes)),
            ("targets", "I64", &[2], bytes(&[0, -100], i64::to_le_bytes)),
        ]),
    );
    let out = folder.path("out.safetensors");
    let gradient = |mode: &str| {
        let all = format!("--reduction sum --gradient --out {} {mode}", text(&out));
        on_both(&file, &all, |json| close(&json["loss"], AHEAD_BY_2));
        arrays(&out).into_iter().find(|it| it.name == "gradient").expect("it").values
    };
    assert!(gradient("--mode strict")[2..].iter().all(|it| it.is_nan()));
    assert_eq!(gradient("--masked")[2..], [0.0, 0.0]);
    assert_eq!(gradient("--mode masked")[2..], [0.0, 0.0]);

    let file = folder.write(
        "ignored.safetensors",
        &safetensors(&[
            ("logits", "F32", &[3, 2], logits()),
            ("targets", "I64", &[3], bytes(&[-100; 3], i64::to_le_bytes)),
        ]),
    );
    on_both(&file, "", |out| {
        assert_eq!((&out["loss"], &out["options"]["mode"]), (&"NaN".into(), &"strict".into()));
    });
    on_both(&file, "--masked", |out| {
        assert_eq!((&out["loss"], &out["options"]["mode"]), (&0.0.into(), &"masked".into()));
    });

    // A target of -inf with weight 0.
    let rows = [f32::NEG_INFINITY, 0.0, 0.0, 3.0];
    let file = folder.write(
        "infinite.safetensors",
        &safetensors(&[
            ("logits", "F32", &[2, 2], bytes(&rows, f32::to_le_bytes)),
            ("targets", "U8", &[2], vec![0, 1]),
            ("w", "F32", &[2], bytes(&[0.0, 1.0], f32::to_le_bytes)),
        ]),
    );
    on_both(&file, "--class-weights w", |out| assert_eq!(out["loss"], "NaN"));
    on_both(&file, "--class-weights w --masked", |out| close(&out["loss"], AHEAD_BY_3));
    on_both(&file, "", |out| assert_eq!(out["loss"], "Infinity"));
}

/// `nll_loss`: the mean of minus the targets' entries, whatever the rest.
#[test]
fn log_probabilities() {
    let folder = Folder::new();
    let file = folder.write("pair.safetensors", &pair());
    let out = folder.path("out.safetensors");
    let arguments = format!("--log-probabilities --gradient --out {}", text(&out));
    on_both(&file, &arguments, |json| {
        close(&json["loss"], -(2.0 + 1.0) / 2.0);
        assert_eq!(json["options"]["input"], "log-probabilities");
        assert!(json.get("accuracy").is_none());
        let written = arrays(&out);
        let names: Vec<_> = written.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["gradient", "loss"]);
        assert_eq!(written[0].values, [-0.5, 0.0, 0.0, 0.0, 0.0, -0.5]);
        assert_eq!(written[1].values, [-2.0, 0.0, -1.0]);
    });
    on_both(&file, "--log-probabilities --rows target-log-probability", |json| {
        assert_eq!(json["target_log_probability"], serde_json::json!([2.0, 0.0, 1.0]));
    });
    let targets = folder.write("targets.npy", &npy("|u1", false, "(3,)", &[0, 1, 1]));
    let run = cross_entropy(&[&file, &targets, "--log-probabilities", "--device", "cpu"]);
    assert!(run.stdout.contains("loss                 -2 (mean)"), "{}", run.stdout);
    assert!(run.stdout.contains("counted rows         3\n"), "{}", run.stdout);
}
