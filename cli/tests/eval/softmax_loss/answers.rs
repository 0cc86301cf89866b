//! Every loss with every option.

use super::formulas::{focal, jensen_shannon, kl_divergence};
use super::{
    LOGITS, PROBABILITIES, ROW_WEIGHTS, TARGETS, TEACHER, alpha, eval, file, on_both, one_hot, row,
};
use crate::common::{Folder, bytes, close, npy, safetensors};
use crate::reduce::{floats, holds};

const ONES: [f64; 3] = [1.0; 3];

fn rows(loss: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..4).map(loss).collect()
}

#[test]
fn focal_losses_of_rows() {
    let folder = Folder::new();
    let file = file(&folder);
    let of_class = |gamma, temperature| {
        rows(|i| focal(&row(&LOGITS, i), &one_hot(i), &ONES, gamma, temperature))
    };
    let smoothed =
        |i: usize| -> Vec<f64> { one_hot(i).into_iter().map(|t| 0.7 * t + 0.3 / 3.0).collect() };
    for (line, expected) in [
        ("", of_class(2.0, 1.0)),
        ("--gamma 0", of_class(0.0, 1.0)),
        ("--gamma 0.5", of_class(0.5, 1.0)),
        ("--gamma 3.7 --temperature 2.5", of_class(3.7, 2.5)),
        (
            "--class-weights alpha",
            rows(|i| focal(&row(&LOGITS, i), &one_hot(i), &alpha(), 2.0, 1.0)),
        ),
        (
            "--label-smoothing 0.3 --class-weights alpha",
            rows(|i| focal(&row(&LOGITS, i), &smoothed(i), &alpha(), 2.0, 1.0)),
        ),
        (
            "--probabilities q --gamma 1",
            rows(|i| focal(&row(&LOGITS, i), &row(&PROBABILITIES, i), &ONES, 1.0, 1.0)),
        ),
    ] {
        on_both(&file, &format!("softmax-focal FILE --reduction none {line}"), |out| {
            holds(&out["loss_rows"], &expected);
            assert_eq!(out["operation"], "softmax-focal");
            let against = if line.contains(" q ") { "probabilities" } else { "classes" };
            assert_eq!(out["against"], against);
            assert_eq!((&out["reduction"], out.get("loss")), (&"none".into(), None));
        });
    }
}

#[test]
fn divergences_of_rows() {
    let folder = Folder::new();
    let file = file(&folder);
    type Divergence = fn(&[f64], &[f64], f64) -> f64;
    let losses: [(&str, Divergence); 2] =
        [("softmax-kl-divergence", kl_divergence), ("softmax-jensen-shannon", jensen_shannon)];
    for (name, divergence) in losses {
        for temperature in [1.0, 2.0, 0.3] {
            let of_row = |i| divergence(&row(&LOGITS, i), &row(&TEACHER, i), temperature);
            let expected = rows(of_row);
            // The last row is the teacher's own.
            assert!(expected[..3].iter().all(|loss| *loss > 1e-4) && expected[3] == 0.0);
            let line = format!("{name} FILE --reduction none --temperature {temperature}");
            on_both(&file, &line, |out| {
                holds(&out["loss_rows"], &expected);
                assert_eq!((&out["operation"], &out["against"]), (&name.into(), &"teacher".into()));
                close(&out["options"]["temperature"], temperature);
                assert!(out["options"].get("gamma").is_none() && out.get("ignore_index").is_none());
            });
        }
    }
}

#[test]
fn reductions_with_weights_of_rows() {
    let folder = Folder::new();
    let file = file(&folder);
    let focal = rows(|i| focal(&row(&LOGITS, i), &one_hot(i), &alpha(), 2.0, 1.0));
    let kl = rows(|i| kl_divergence(&row(&LOGITS, i), &row(&TEACHER, i), 2.0));
    let lines = [
        ("softmax-focal FILE --class-weights alpha", focal),
        ("softmax-kl-divergence FILE --temperature 2", kl),
    ];
    for (line, losses) in lines {
        let sum: f64 = losses.iter().sum();
        let weighted: Vec<_> =
            losses.iter().zip(ROW_WEIGHTS).map(|(loss, weight)| loss * f64::from(weight)).collect();
        let weighted_sum: f64 = weighted.iter().sum();
        for (options, loss, denominator) in [
            ("", sum / 4.0, 4.0),
            ("--reduction sum", sum, 4.0),
            // Class weights have no part in the denominator.
            ("--row-weights v", weighted_sum / 3.5, 3.5),
            ("--reduction sum --row-weights v", weighted_sum, 3.5),
            ("--reduction batch-mean --row-weights v", weighted_sum / 4.0, 4.0),
            ("--reduction element-mean --row-weights v", weighted_sum / 12.0, 12.0),
        ] {
            on_both(&file, &format!("{line} {options}"), |out| {
                close(&out["loss"], loss);
                close(&out["denominator"], denominator);
                assert_eq!((&out["counted"], out.get("loss_rows")), (&4.into(), None));
                assert_eq!(out["row_weights"], options.contains("v"));
            });
        }
        on_both(&file, &format!("{line} --row-weights v --rows"), |out| {
            holds(&out["loss_rows"], &weighted);
            close(&out["loss"], weighted_sum / 3.5);
        });
    }
}

#[test]
fn ignored_rows_have_no_part() {
    let folder = Folder::new();
    let file = file(&folder);
    let losses = rows(|i| focal(&row(&LOGITS, i), &one_hot(i), &ONES, 2.0, 1.0));
    // Of the tensor `some` the row 1 is ignored; of `targets`, with this index, rows 1 and 3.
    for (line, kept) in [
        ("--targets some", [0, 2, 3].as_slice()),
        ("--ignore-index 2", &[0, 2]),
        ("--ignore-index none", &[0, 1, 2, 3]),
    ] {
        let mean = kept.iter().map(|i| losses[*i]).sum::<f64>() / kept.len() as f64;
        on_both(&file, &format!("softmax-focal FILE {line}"), |out| {
            close(&out["loss"], mean);
            assert_eq!(out["counted"], kept.len());
        });
    }
    let fails = eval(&file, "softmax-focal FILE --targets some --ignore-index none --device cpu");
    fails.fails_with("target of row 1 is -100, expected 0 to 2");
}

/// Arrays of their own, in half precision, with the classes first.
#[test]
fn files_of_their_own_and_dimensions() {
    use wgpu_loss::half::f16;
    let folder = Folder::new();
    // In Fortran's order the first of the dimensions is contiguous, as the classes are.
    let logits = folder.write("x.npy", &npy("<f4", true, "(3, 4)", &floats(&LOGITS)));
    let halves: Vec<f16> = TEACHER.map(f16::from_f32).to_vec();
    let teacher = bytes(&halves, f16::to_le_bytes);
    let teacher = folder.write("t.npy", &npy("<f2", true, "(3, 4)", &teacher));
    let targets =
        folder.write("y.npy", &npy("<i8", false, "(4,)", &bytes(&TARGETS, i64::to_le_bytes)));
    let weights = folder.write("v.npy", &npy("<f4", false, "(4,)", &floats(&ROW_WEIGHTS)));
    let kl = rows(|i| kl_divergence(&row(&LOGITS, i), &row(&TEACHER, i), 1.0));
    let line = format!("softmax-kl-divergence FILE --teacher {teacher} --row-weights {weights}");
    on_both(&logits, &format!("{line} --class-axis 0"), |out| {
        close(&out["loss"], (kl[0] + 0.5 * kl[1] + 2.0 * kl[2]) / 3.5);
        assert_eq!((&out["rows"], &out["classes"]), (&4.into(), &3.into()));
    });
    let expected = rows(|i| focal(&row(&LOGITS, i), &one_hot(i), &ONES, 2.0, 1.0));
    let line = format!("softmax-focal FILE {targets} --class-axis 0 --reduction sum --rows");
    on_both(&logits, &line, |out| {
        holds(&out["loss_rows"], &expected);
        close(&out["loss"], expected.iter().sum());
    });
}

#[test]
fn defaults_are_found_by_name_or_by_shape() {
    let folder = Folder::new();
    let tensors = [
        ("student", "F32", &[4, 3][..], floats(&LOGITS)),
        ("teacher", "BF16", &[4, 3], bytes(&bf16(&TEACHER), u16::to_le_bytes)),
    ];
    let file = folder.write("pair.safetensors", &safetensors(&tensors));
    let js = rows(|i| jensen_shannon(&row(&LOGITS, i), &row(&TEACHER, i), 1.0));
    on_both(&file, "softmax-jensen-shannon FILE --logits student", |out| {
        close(&out["loss"], js.iter().sum::<f64>() / 4.0);
        assert_eq!((&out["reduction"], &out["gradient"]), (&"mean".into(), &false.into()));
        assert_eq!(out["options"]["mode"], "strict");
    });
    let reversed = rows(|i| kl_divergence(&row(&TEACHER, i), &row(&LOGITS, i), 1.0));
    on_both(&file, "softmax-kl-divergence FILE --logits teacher --teacher student", |out| {
        close(&out["loss"], reversed.iter().sum::<f64>() / 4.0);
        assert_eq!(out["element"], "bf16");
    });
}

/// The upper halves; of these numbers nothing is lost.
fn bf16(values: &[f32]) -> Vec<u16> {
    values.iter().map(|value| (value.to_bits() >> 16) as u16).collect()
}

#[test]
fn text_names_the_numbers() {
    let folder = Folder::new();
    let file = file(&folder);
    let cases: [(&str, &[&str]); 2] = [
        (
            "softmax-focal FILE --targets some --row-weights v --rows",
            &[
                "logits               4 rows, 3 classes, f32",
                " (mean)\n",
                "loss of the rows     0 to ",
                "sum of weights       3\n",
                "counted rows         3\n",
            ],
        ),
        ("softmax-kl-divergence FILE --reduction none", &["loss of the rows     0 to "]),
    ];
    for (line, parts) in cases {
        let shown = eval(&file, &format!("{line} --device oracle"));
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        for part in parts {
            assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
        }
    }
}

#[test]
fn modes_differ_where_infinities_meet_zeros() {
    let folder = Folder::new();
    let tensors = [
        ("logits", "F32", &[1, 2][..], floats(&[0.0, f32::NEG_INFINITY])),
        ("teacher", "F32", &[1, 2], floats(&[0.0, 0.0])),
        ("v", "F32", &[1], floats(&[0.0])),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let line = "softmax-kl-divergence FILE --reduction sum";
    on_both(&file, line, |out| assert_eq!(out["loss"], "Infinity"));
    on_both(&file, &format!("{line} --row-weights v"), |out| assert_eq!(out["loss"], "NaN"));
    on_both(&file, &format!("{line} --row-weights v --masked"), |out| close(&out["loss"], 0.0));
}
