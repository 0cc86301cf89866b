//! Nothing to reduce, infinities, NaNs, and `--masked`.

use super::{floats, holds, on_both, reduce};
use crate::common::{Folder, npy, safetensors};

const NAN: f64 = f64::NAN;
const INFINITY: f64 = f64::INFINITY;

#[test]
fn nothing() {
    let folder = Folder::new();
    let rows = folder.write("rows.npy", &npy("<f4", false, "(0, 2)", &[]));
    let columns = folder.write("columns.npy", &npy("<f4", false, "(2, 0)", &[]));
    for (statistic, value) in [
        ("sum", 0.0),
        ("mean", NAN),
        ("sum-of-squares", 0.0),
        ("mean-and-variance", NAN),
        ("max", -INFINITY),
        ("min", INFINITY),
        ("log-sum-exp", -INFINITY),
    ] {
        let of = |axis: &str| format!("--statistic {statistic} --axis {axis}");
        for file in [&rows, &columns] {
            on_both(file, &of("all"), |out| holds(&out["values"], &[value]));
        }
        on_both(&rows, &of("row"), |out| holds(&out["values"], &[]));
        on_both(&rows, &of("column"), |out| holds(&out["values"], &[value; 2]));
        on_both(&columns, &of("row"), |out| holds(&out["values"], &[value; 2]));
        on_both(&columns, &of("column"), |out| holds(&out["values"], &[]));
    }
    on_both(&rows, "--statistic log-sum-exp", |out| holds(&out["sign"], &[0.0]));
    on_both(&rows, "--statistic mean --masked", |out| {
        holds(&out["values"], &[0.0]);
        holds(&out["denominator"], &[0.0]);
    });
    let shown = reduce(&[&rows, "--axis", "row", "--device", "oracle"]);
    assert!(shown.stdout.contains("sum                  none\n"), "{}", shown.stdout);
}

/// Rows (inf, 1), (NaN, 2) and (-inf, 3) under weights 0 and 1.
#[test]
fn masked() {
    let folder = Folder::new();
    let values = [f32::INFINITY, 1.0, f32::NAN, 2.0, f32::NEG_INFINITY, 3.0];
    let tensors = [
        ("values", "F32", &[3, 2][..], floats(&values)),
        ("w", "F32", &[2], floats(&[0.0, 1.0])),
        ("zeros", "F32", &[2], floats(&[0.0, 0.0])),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    on_both(&file, "--axis row", |out| {
        holds(&out["values"], &[INFINITY, NAN, -INFINITY]);
        assert_eq!(out["options"]["mode"], "strict");
    });
    on_both(&file, "--axis row --weights w", |out| holds(&out["values"], &[NAN; 3]));
    for mode in ["--masked", "--mode masked"] {
        on_both(&file, &format!("--axis row --weights w {mode}"), |out| {
            holds(&out["values"], &[1.0, 2.0, 3.0]);
            assert_eq!(out["options"]["mode"], "masked");
        });
    }
    // Left out in both modes.
    for statistic in ["max", "min", "log-sum-exp"] {
        on_both(&file, &format!("--axis row --weights w --statistic {statistic}"), |out| {
            holds(&out["values"], &[1.0, 2.0, 3.0]);
        });
    }
    let mean = "--axis row --statistic mean-and-variance";
    on_both(&file, &format!("{mean} --weights zeros"), |out| {
        holds(&out["values"], &[NAN; 3]);
        holds(&out["variance"], &[NAN; 3]);
    });
    on_both(&file, &format!("{mean} --weights zeros --masked"), |out| {
        holds(&out["values"], &[0.0; 3]);
        holds(&out["variance"], &[0.0; 3]);
    });
}

/// Weights that cancel: a sum of 0 has no sign, and a mean over it is none.
#[test]
fn weights_that_cancel() {
    let folder = Folder::new();
    let tensors = [
        ("values", "F32", &[1, 2][..], floats(&[1.0, 1.0])),
        ("w", "F32", &[2], floats(&[1.0, -1.0])),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    on_both(&file, "--weights w --statistic log-sum-exp", |out| {
        holds(&out["values"], &[-INFINITY]);
        holds(&out["sign"], &[0.0]);
    });
    on_both(&file, "--weights w --statistic mean", |out| holds(&out["values"], &[NAN]));
    on_both(&file, "--weights w --statistic mean --nonzero-weights", |out| {
        holds(&out["values"], &[0.0]);
    });
}
