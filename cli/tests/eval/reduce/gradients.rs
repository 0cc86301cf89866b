//! Gradients with respect to values and weights, for one upstream factor or one for each result.

use serde_json::json;
use wgpu_loss::half::bf16;

use super::{VALUES, WEIGHTS, contains, file, floats, on_both};
use crate::common::{Folder, arrays, bytes, npy, safetensors, text};

/// Evaluates with `--gradient --out`, and compares the two gradients with those expected.
#[track_caller]
fn gradients(
    folder: &Folder,
    arguments: &str,
    of_values: &[f32; 6],
    of_weights: Option<(&[usize], &[f32])>,
) {
    let file = file(folder);
    let out = folder.path("out.safetensors");
    let more = if of_weights.is_some() { "--weight-gradient" } else { "" };
    on_both(&file, &format!("{arguments} --gradient {more} --out {}", text(&out)), |json| {
        assert_eq!(json["gradient"], true);
        assert_eq!(json["gradient_element"], "f32");
        assert_eq!(json["weight_gradient"], of_weights.is_some());
        let written = arrays(&out);
        let find = |name: &str| written.iter().find(|it| it.name == name);
        contains(find("gradient").expect("it"), "gradient", &[2, 3], of_values);
        match (of_weights, find("weight_gradient")) {
            (Some((shape, expected)), Some(found)) => {
                contains(found, "weight_gradient", shape, expected);
            }
            (expected, found) => assert_eq!(expected.is_some(), found.is_some()),
        }
    });
}

/// w for values, x for weights.
#[test]
fn of_the_sum() {
    let folder = Folder::new();
    gradients(&folder, "", &[1.0; 6], None);
    gradients(&folder, "--weights w", &WEIGHTS, None);
    gradients(&folder, "--weights w", &WEIGHTS, Some((&[2, 3], &VALUES)));
    let by_minus_two = WEIGHTS.map(|weight| -2.0 * weight);
    gradients(&folder, "--weights w --upstream -2", &by_minus_two, None);
    // Weights of a row or a column: the sum over it.
    let rows = [1.0, 1.0, 1.0, 3.0, 3.0, 3.0];
    gradients(&folder, "--weights v", &rows, Some((&[2], &[6.0, 15.0])));
    let columns = [1.0, 0.0, 2.0, 1.0, 0.0, 2.0];
    gradients(&folder, "--weights u", &columns, Some((&[3], &[5.0, 7.0, 9.0])));
}

/// w / D for values, (x - mean) / D for weights.
#[test]
fn of_the_mean() {
    let folder = Folder::new();
    let of_values = WEIGHTS.map(|weight| weight / 3.5);
    let of_weights = VALUES.map(|value| (value - 8.0 / 3.5) / 3.5);
    let options = "--statistic mean --weights w";
    gradients(&folder, options, &of_values, Some((&[2, 3], &of_weights)));
    // Divided by the 5 weights that are not 0, which no weight moves.
    let of_values = WEIGHTS.map(|weight| weight / 5.0);
    let of_weights = VALUES.map(|value| value / 5.0);
    let options = "--statistic mean --weights w --nonzero-weights";
    gradients(&folder, options, &of_values, Some((&[2, 3], &of_weights)));
    // Rows of mean 7/3 and 2, over 3 and 0.5.
    let of_values = [1.0 / 3.0, 0.0, 2.0 / 3.0, 1.0, 2.0, -2.0];
    let of_weights = [-4.0 / 9.0, -1.0 / 9.0, 2.0 / 9.0, 4.0, 6.0, 8.0];
    let options = "--statistic mean --weights w --axis row";
    gradients(&folder, options, &of_values, Some((&[2, 3], &of_weights)));
}

/// sign w exp(x - y) for values, sign exp(x - y) for weights.
#[test]
fn of_log_sum_exp() {
    let folder = Folder::new();
    let of_values = [0.063_378_94, 0.0, 0.936_621_06, -0.119_881_82, -0.651_745_13, 1.771_627];
    let of_weights =
        [0.063_378_94, 0.172_281_82, 0.468_310_53, -0.239_763_63, -0.651_745_13, -1.771_627];
    let options = "--statistic log-sum-exp --weights w --axis row";
    gradients(&folder, options, &of_values, Some((&[2, 3], &of_weights)));
}

/// 2 for the first row, -1 for the second.
#[test]
fn of_results_with_factors_of_their_own() {
    let folder = Folder::new();
    let expected = [2.0, 0.0, 4.0, -0.5, -1.0, 1.0];
    gradients(&folder, "--weights w --axis row --upstream g", &expected, None);
    let data = floats(&[2.0, -1.0]);
    let factors = folder.write("g.npy", &npy("<f4", false, "(2,)", &data));
    gradients(&folder, &format!("--weights w --axis row --upstream {factors}"), &expected, None);
    gradients(&folder, "--axis column --upstream u", &[1.0, 0.0, 2.0, 1.0, 0.0, 2.0], None);
    // A scalar, as PyTorch writes one, for the one result.
    gradients(&folder, "--upstream one", &[4.0; 6], None);
    let file = file(&folder);
    for (arguments, upstream) in
        [("", json!(1.0)), ("--upstream -2", json!(-2.0)), ("--upstream g --axis row", json!("g"))]
    {
        on_both(&file, &format!("--gradient {arguments}"), |json| {
            assert_eq!(json["upstream"], upstream);
        });
    }
    on_both(&file, "", |json| assert!(json.get("upstream").is_none()));
}

/// The values' type unless another is asked for; the weights' gradient is float32 in any case.
#[test]
fn element_types() {
    let folder = Folder::new();
    let brains = |values: [f32; 6]| bytes(&values.map(bf16::from_f32), bf16::to_le_bytes);
    let tensors =
        [("values", "BF16", &[2, 3][..], brains(VALUES)), ("w", "BF16", &[2, 3], brains(WEIGHTS))];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let out = folder.path("out.safetensors");
    for (option, element, dtype) in [
        ("", "bf16", "BF16"),
        ("--gradient-element f32", "f32", "F32"),
        ("--gradient-element f16", "f16", "F16"),
    ] {
        let arguments =
            format!("--weights w --gradient --weight-gradient {option} --out {}", text(&out));
        on_both(&file, &arguments, |json| {
            assert_eq!(json["gradient_element"], element);
            let written = arrays(&out);
            let types: Vec<_> = written.iter().map(|it| (it.name.as_str(), it.dtype)).collect();
            assert_eq!(types, [("gradient", dtype), ("values", "F32"), ("weight_gradient", "F32")]);
            contains(&written[0], "gradient", &[2, 3], &WEIGHTS);
            contains(&written[2], "weight_gradient", &[2, 3], &VALUES);
        });
    }
}

/// (2, 3, 2) with the columns in the middle: gradients lie as values and weights do.
#[test]
fn columns_in_the_middle() {
    let folder = Folder::new();
    let values: Vec<f32> = (0..12_i8).map(f32::from).collect();
    let tensors = [
        ("values", "F32", &[2, 3, 2][..], floats(&values)),
        ("v", "F32", &[2, 2], floats(&[1.0, 2.0, 3.0, 4.0])),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let out = folder.path("out.safetensors");
    let options = "--class-axis 1 --weights v --axis column --gradient --weight-gradient";
    on_both(&file, &format!("{options} --out {}", text(&out)), |_| {
        let written = arrays(&out);
        let of_values = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0];
        contains(&written[0], "gradient", &[2, 3, 2], &of_values);
        contains(&written[1], "values", &[3], &[48.0, 68.0, 88.0]);
        contains(&written[2], "weight_gradient", &[2, 2], &[6.0, 9.0, 24.0, 27.0]);
    });
}
