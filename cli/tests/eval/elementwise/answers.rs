//! Every function with every option of its own.

use std::f64::consts::LN_2;

use wgpu_loss::half::f16;

use super::{BINARY, INPUT, TARGET, eval, file, on_both};
use crate::common::{Folder, bytes, npy, safetensors};
use crate::reduce::{floats, holds};

/// A line of arguments, and the loss of each element.
type Answer<'a> = (&'a str, [f64; 6]);

#[track_caller]
fn all_hold(answers: &[Answer<'_>]) {
    let folder = Folder::new();
    let file = file(&folder);
    for (line, expected) in answers {
        on_both(&file, &format!("{line} --reduction none"), |out| {
            holds(&out["values"], expected);
            assert_eq!(out["operation"], line.split(' ').next().expect("a word"), "{line}");
            assert_eq!(out["result_shape"], serde_json::json!([2, 3]));
            assert_eq!((&out["reduction"], &out["axis"]), (&"none".into(), &"none".into()));
        });
    }
}

#[test]
fn binary_losses() {
    all_hold(&[
        ("binary-cross-entropy FILE", BINARY),
        (
            "binary-cross-entropy FILE --label-smoothing 0.2",
            [
                LN_2,
                1.926_928_011_043,
                1.213_261_687_518,
                0.924_076_984_180,
                0.348_587_351_574,
                0.413_261_687_518,
            ],
        ),
        (
            "binary-cross-entropy FILE --positive-weights u",
            [
                1.386_294_361_120,
                2.126_928_011_043,
                0.656_630_843_759,
                0.974_076_984_180,
                0.048_587_351_574,
                0.156_630_843_759,
            ],
        ),
        (
            "binary-cross-entropy FILE --input probabilities --probabilities",
            [
                LN_2,
                0.287_682_072_452,
                2.079_441_541_680,
                1.386_294_361_120,
                2.079_441_541_680,
                2.772_588_722_240,
            ],
        ),
        (
            "sigmoid-focal FILE --alpha 0.25",
            [
                0.043_321_698_785,
                1.237_558_634_566,
                0.175_467_075_853,
                0.283_058_700_645,
                0.000_081_962_493,
                0.005_664_514_377,
            ],
        ),
        (
            "sigmoid-focal FILE --gamma 1.5",
            [
                0.245_064_535_867,
                1.758_193_170_011,
                0.820_879_747_705,
                0.478_365_394_184,
                0.000_501_817_994,
                0.043_691_185_297,
            ],
        ),
    ]);
}

#[test]
fn divergences() {
    let entropy = [
        0.346_573_590_280,
        0.346_573_590_280,
        0.259_930_192_710,
        0.215_761_554_339,
        0.116_839_968_546,
        0.173_286_795_140,
    ];
    all_hold(&[
        (
            "kl-divergence FILE --input logs --target others",
            [
                0.153_426_409_720,
                0.153_426_409_720,
                -0.221_573_590_280,
                -0.228_680_192_710,
                2.508_160_031_454,
                0.0,
            ],
        ),
        (
            "kl-divergence FILE --input logs --target other_logs --log-target",
            [
                0.303_265_329_856,
                0.367_879_441_171,
                -0.203_002_924_855,
                -0.278_912_700_186,
                2.141_702_153_446,
                -0.074_680_602_552,
            ],
        ),
        ("entropy FILE --input probabilities", entropy),
        (
            "cross-entropy-of-probabilities FILE --input probabilities --target others",
            [
                0.346_573_590_280,
                0.346_573_590_280,
                0.519_860_385_420,
                0.035_960_259_056,
                0.116_839_968_546,
                0.0,
            ],
        ),
        (
            "kl-divergence-of-probabilities FILE --input probabilities --target others",
            [0.0, 0.0, 0.173_286_795_140, -0.223_969_933_654, 0.0, 0.0],
        ),
    ]);
}

#[test]
fn regressions() {
    all_hold(&[
        ("squared-error FILE --target numbers", [1.0, 9.0, 1.0, 2.25, 12.25, 4.0]),
        ("absolute-error FILE --target numbers", [1.0, 3.0, 1.0, 1.5, 3.5, 2.0]),
        ("huber FILE --target numbers", [0.5, 2.5, 0.5, 1.0, 3.0, 1.5]),
        ("huber FILE --target numbers --delta 2", [0.5, 4.0, 0.5, 1.125, 5.0, 2.0]),
    ]);
}

#[test]
fn likelihoods() {
    all_hold(&[
        (
            "poisson FILE --target counts",
            [
                1.0,
                7.389_056_098_931,
                3.367_879_441_171,
                0.648_721_270_700,
                0.049_787_068_368,
                -2.281_718_171_541,
            ],
        ),
        (
            "poisson FILE --target counts --full",
            [
                1.0,
                7.389_056_098_931,
                5.131_960_984_714,
                1.300_527_755_305,
                0.049_787_068_368,
                2.489_128_880_051,
            ],
        ),
        (
            "poisson FILE --input rates --target counts --rate --epsilon 0.5",
            [0.5, 1.0, -0.748_872_195_622, 0.825_364_144_904, 4.0, -3.263_814_842_477],
        ),
        (
            "gaussian FILE --target numbers",
            [
                0.5,
                8.653_426_409_720,
                0.596_573_590_280,
                3.806_852_819_440,
                2.224_397_180_560,
                14.960_279_229_160,
            ],
        ),
        (
            "gaussian FILE --target numbers --variance variances --full",
            [
                1.572_364_942_925,
                3.515_512_123_485,
                1.418_938_533_205,
                2.822_364_942_925,
                4.328_012_123_485,
                2.918_938_533_205,
            ],
        ),
        (
            "gaussian FILE --target numbers --epsilon 1",
            [0.5, 4.5, 0.596_573_590_280, 1.125, 2.224_397_180_560, 2.0],
        ),
    ]);
}

/// Two .npy files, one of them in half precision, with the columns first.
#[test]
fn files_of_their_own_and_dimensions() {
    let folder = Folder::new();
    let input = folder.write("x.npy", &npy("<f4", true, "(2, 3)", &floats(&INPUT)));
    let halves: Vec<f16> = TARGET.map(f16::from_f32).to_vec();
    let target =
        folder.write("t.npy", &npy("<f2", true, "(2, 3)", &bytes(&halves, f16::to_le_bytes)));
    // In Fortran's order the first dimension is contiguous: INPUT[i + 2 j] is at [i, j].
    let [a, b, c, d, e, f] = BINARY;
    let line = format!("binary-cross-entropy FILE --target {target}");
    on_both(&input, &format!("{line} --axis row --reduction sum"), |out| {
        holds(&out["values"], &[a + c + e, b + d + f]);
    });
    on_both(&input, &format!("{line} --axis rows --reduction sum --class-axis 0"), |out| {
        holds(&out["values"], &[a + b, c + d, e + f]);
        assert_eq!((&out["rows"], &out["classes"]), (&3.into(), &2.into()));
    });
}

#[test]
fn defaults_are_found_by_name_or_by_shape() {
    let folder = Folder::new();
    let tensors = [
        ("input", "F32", &[2, 3][..], floats(&INPUT)),
        ("target", "F32", &[2, 3], floats(&TARGET)),
    ];
    let pair = folder.write("pair.safetensors", &safetensors(&tensors));
    on_both(&pair, "binary-cross-entropy FILE", |out| {
        holds(&out["values"], &[0.911_543_817_066]);
        assert_eq!((&out["reduction"], &out["axis"]), (&"mean".into(), &"all".into()));
        assert_eq!((&out["weights"], &out["positive_weights"]), (&"none".into(), &"none".into()));
        assert_eq!(out["options"]["probabilities"], false);
        assert!(out.get("counts").is_none() && out.get("denominator").is_none());
    });
    let alone = [("y", "F32", &[2, 3][..], floats(&[0.5; 6]))];
    let alone = folder.write("alone.safetensors", &safetensors(&alone));
    on_both(&alone, "entropy FILE", |out| {
        holds(&out["values"], &[0.346_573_590_280]);
        assert!(out.get("positive_weights").is_none() && out.get("variance").is_none());
    });
}

#[test]
fn counts_are_of_the_threshold() {
    let folder = Folder::new();
    let file = file(&folder);
    // Above 0: 2, 0.5 and 1, of which the last is a positive; below: 0 and -1, positives, and -3.
    on_both(&file, "binary-cross-entropy FILE --threshold 0", |out| {
        let counts = &out["counts"];
        let number = |key: &str| counts[key].as_u64();
        assert_eq!((number("true_positives"), number("false_positives")), (Some(1), Some(2)));
        assert_eq!((number("true_negatives"), number("false_negatives")), (Some(1), Some(2)));
        crate::common::close(&counts["accuracy"], 1.0 / 3.0);
        crate::common::close(&counts["precision"], 1.0 / 3.0);
        crate::common::close(&counts["recall"], 1.0 / 3.0);
    });
    on_both(&file, "sigmoid-focal FILE --threshold 5 --weights w", |out| {
        // The second element has weight 0.
        assert_eq!(out["counts"]["true_negatives"], 2);
        assert_eq!(
            (&out["counts"]["false_negatives"], &out["counts"]["precision"]),
            (&3.into(), &"NaN".into())
        );
    });
}

#[test]
fn text_names_the_numbers() {
    let folder = Folder::new();
    let file = file(&folder);
    let cases: [(&str, &[&str]); 3] = [
        (
            "binary-cross-entropy FILE --threshold 0 --positive-weights u",
            &[
                "input                2 rows, 3 columns, f32",
                "positive weights     one per column",
                "loss                 0.89",
                " (mean)\n",
                "taken for positives  3, 1 of them rightly",
                "positives            3, beside 3 negatives",
                "accuracy             0.333333",
            ],
        ),
        (
            "squared-error FILE --target numbers --reduction weighted-mean --weights v --axis row",
            &[
                "weights              one per row",
                "results              one per row",
                "loss                 3.666",
                "denominator          3 to 9, mean 6.000000",
            ],
        ),
        (
            "gaussian FILE --target numbers --reduction none",
            &["variance             one per element", "results              one per element"],
        ),
    ];
    for (line, parts) in cases {
        let shown = eval(&file, &format!("{line} --device oracle"));
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        for part in parts {
            assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
        }
    }
}
