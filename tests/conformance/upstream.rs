//! What the third parties themselves assert, beside the float64 expectations.
//!
//! Which option gives which project's definition:
//!
//! * Keras' and TensorFlow.js' mean "over the batch size" with weights of rows divides by the number
//!   of rows (`row_weight_mean: count`): `Reduction::Sum`, with the upstream gradient and the loss
//!   divided by it. TensorFlow.js' `MEAN` (`weight_sum`) is `Reduction::Mean`.
//! * optax' "safe" cross-entropy, where a zero probability hides a logit of `-inf`, is
//!   `Mode::Masked`.
//! * ONNX' second output `log_prob` is `Softmax { log: true, .. }` of the logits.
//! * TensorFlow's cross-entropy with probabilities assumes that they sum to 1, and gives `p - q` as
//!   gradient (`alt: tf_grad_logits`). The derivative of the loss is `(sum q) p - q`; no option
//!   changes that, but the difference is `(1 - sum q) p`, with `p` from `Softmax::default()`.

use std::collections::BTreeMap;

use wgpu_loss::{Engine, Softmax};

use super::call::Outputs;
use super::compare::{Tolerance, difference};
use super::layout::ROWS;
use super::probe;
use super::problem::{Operation, Problem};
use super::suite::{Case, number};
use super::tensor::Tensor;

/// TensorFlow's own for these literals, which have three digits.
const TENSORFLOW: Tolerance = Tolerance { rtol: 1e-3, atol: 1e-3 };

/// What came of a third party's own numbers.
#[derive(Default)]
pub struct Comparison {
    pub compared: usize,
    pub differences: Vec<String>,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
}

/// Compares the outputs of a case with what its third party asserts.
pub fn compare(
    engine: &dyn Engine,
    case: &Case<'_>,
    problem: &Problem,
    outputs: &Outputs,
    expected: &BTreeMap<String, Tensor>,
) -> Result<Comparison, String> {
    let columns = problem.logits.classes;
    let mut comparison = Comparison::default();
    let theirs = Tolerance::of(case.field("upstream_tol"));
    for (name, asserted) in case.tensors("upstream")? {
        let asserted = asserted.to_f64();
        let found = match name.as_str() {
            "log_prob" => softmax(engine, problem, true)?,
            name => match probe::output(name, outputs, expected, columns) {
                Ok(found) => found,
                Err(problem) => {
                    comparison.notes.push(format!("upstream {problem}"));
                    continue;
                }
            },
        };
        // Their own tolerance; or the case's, since some assert double precision of double inputs.
        let ours = Tolerance::of(&case.field("tol")[&name]);
        let tolerances: Vec<_> = theirs.into_iter().chain(ours).collect();
        let is_other_quantity = expected.get(&name).is_some_and(|expected| {
            difference(&expected.to_f64(), &asserted, &tolerances, None, 1).is_some()
        });
        if is_other_quantity {
            comparison.notes.push(format!("upstream {name} is not what the case expects"));
            continue;
        }
        comparison.compared += 1;
        let of_matrix = if asserted.len() == problem.logits.values.len() { columns } else { 1 };
        let difference = difference(&found, &asserted, &tolerances, None, of_matrix);
        comparison.differences.extend(difference.map(|text| format!("upstream {name}: {text}")));
    }
    alternatives(engine, case, problem, outputs, &mut comparison)?;
    Ok(comparison)
}

/// Softmax or log-softmax of a case's logits, which cross-entropy takes as they are.
fn softmax(engine: &dyn Engine, problem: &Problem, log: bool) -> Result<Vec<f64>, String> {
    if let Operation::CrossEntropy { options, .. } = &problem.operation
        && (options.logit_scale != 1.0 || options.softcap.is_some())
    {
        return Err("softmax of transformed logits, which the crate does not have".into());
    }
    let logits = &problem.logits;
    let view = ROWS.view(&logits.values, logits.rows, logits.classes);
    let options = Softmax { log, ..Default::default() };
    let out = view.and_then(|view| engine.softmax(view, &options));
    let out = out.map_err(|error| error.to_string())?;
    Ok(ROWS.restore(&out.into_f32(), logits.rows, logits.classes))
}

/// Documented answers of projects that define something otherwise.
fn alternatives(
    engine: &dyn Engine,
    case: &Case<'_>,
    problem: &Problem,
    outputs: &Outputs,
    comparison: &mut Comparison,
) -> Result<(), String> {
    for (name, answer) in case.field("alt").as_object().into_iter().flatten() {
        let probabilities = match &problem.operation {
            Operation::CrossEntropy { targets, .. } => targets.target.probabilities(),
            _ => None,
        };
        let Some(probabilities) = probabilities.filter(|_| name == "tf_grad_logits") else {
            comparison.notes.push(format!("alternative {name}"));
            continue;
        };
        let rows = answer.as_array().into_iter().flatten();
        let elements = rows.flat_map(|row| row.as_array().into_iter().flatten());
        let asserted: Option<Vec<_>> = elements.map(number).collect();
        let asserted = asserted.ok_or_else(|| format!("alternative {name}: {answer}"))?;
        let columns = probabilities.classes;
        let softmax = softmax(engine, problem, false)?;
        let gradient = outputs.get("grad_logits").ok_or("no gradient")?;
        let missing = |index: usize| {
            let row = &probabilities.values[index / columns * columns..][..columns];
            1.0 - row.iter().map(|&q| f64::from(q)).sum::<f64>()
        };
        let found = gradient.iter().zip(&softmax).enumerate();
        let found: Vec<_> = found.map(|(index, (g, p))| g + missing(index) * p).collect();
        comparison.compared += 1;
        let difference = difference(&found, &asserted, &[TENSORFLOW], None, columns);
        comparison.differences.extend(difference.map(|text| format!("alternative {name}: {text}")));
    }
    Ok(())
}
