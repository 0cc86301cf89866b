//! The report: what `wgpu-loss` says of this machine when it is asked nothing.

use std::process::ExitCode;
use std::time::Instant;

use serde::Deserialize;
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine, Gpu, Logits, OwnedValues, Targets, Upstream, cpu,
};
use wgpu_loss_verify::Extent;

use crate::device::{self, Description};
use crate::eval::layout::Matrix;
use crate::eval::role::{Role, select};
use crate::eval::safetensors::parse;
use crate::failure::{Failure, Result};
use crate::output::{self, Output, three};
use crate::{bench, verify};

const SAMPLE: &[u8] = include_bytes!("../../samples/digits.safetensors");
const EXPECTED: &str = include_str!("../../samples/digits.json");

/// What scikit-learn says of the sample.
#[derive(Deserialize)]
struct Expected {
    rows: usize,
    classes: usize,
    log_loss: f64,
    accuracy: f64,
}

/// Prints the report; exit code 1 if a number is wrong.
pub fn run(adapter: Option<&str>, out: &mut Output) -> Result<ExitCode> {
    out.line(console::style(concat!("wgpu-loss ", env!("CARGO_PKG_VERSION"))).bold())?;
    out.line("Losses and their gradients on the GPU.  `wgpu-loss --help`: the commands")?;
    let gpu = match device::find(adapter)? {
        Ok(gpu) => {
            let description = Description::of_gpu_adapter(&gpu);
            out.heading(&format!("Adapter: {}", output::shorten(&description.name, 70)))?;
            description.print(out)?;
            Some(gpu)
        }
        Err(error) => {
            out.heading("Adapter: none, so the CPU does the work")?;
            out.paragraph(&error.to_string())?;
            None
        }
    };
    sample(gpu.as_ref(), out)?;
    if out.closed() {
        return Ok(ExitCode::SUCCESS);
    }

    let engine: &dyn Engine = match &gpu {
        Some(gpu) => gpu,
        None => &cpu::Fast,
    };
    out.heading("Verification against the double-precision oracle")?;
    let (report, elapsed) = verify::check(engine, Extent::Quick)?;
    verify::summary(&report, elapsed, out)?;
    if out.closed() {
        return Ok(ExitCode::SUCCESS);
    }

    out.heading("Cross-entropy, loss and gradient in one pass: GPU against CPU")?;
    bench::small(gpu, out)?;
    Ok(if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One engine's answers for the sample.
struct Evaluation {
    name: &'static str,
    output: CrossEntropyOutput,
    accuracy: f64,
    milliseconds: f64,
}

fn evaluate(
    name: &'static str,
    engine: &dyn Engine,
    logits: Logits<'_>,
    targets: Targets<'_>,
) -> Result<Evaluation> {
    let options = CrossEntropy { correct: true, ..Default::default() };
    let run = || engine.cross_entropy_with_gradient(logits, targets, Upstream::default(), &options);
    // The first call compiles kernels.
    run()?;
    let start = Instant::now();
    let output = run()?;
    let milliseconds = 1e3 * start.elapsed().as_secs_f64();
    let correct = output.correct.unwrap_or_default();
    Ok(Evaluation { name, accuracy: correct as f64 / output.counted as f64, output, milliseconds })
}

fn sample(gpu: Option<&Gpu>, out: &mut Output) -> Result<()> {
    let damaged = |message: String| Failure::Sample(message);
    let expected: Expected =
        serde_json::from_str(EXPECTED).map_err(|error| Failure::Sample(error.to_string()))?;
    let tensors = parse(SAMPLE).map_err(damaged)?;
    let found = |role| select(&tensors, role, None, None).map(|at| &tensors[at]);
    let matrix = found(Role::Logits)
        .and_then(|tensor| Matrix::new(tensor.floats()?, &tensor.shape, -1))
        .map_err(damaged)?;
    let indices = found(Role::Targets(&matrix.layout))
        .and_then(|tensor| tensor.indices())
        .map_err(damaged)?;
    let (logits, targets) = (matrix.logits()?, Targets::classes(indices.classes()));
    if (logits.rows(), logits.classes()) != (expected.rows, expected.classes) {
        return Err(Failure::Sample("the shapes of the two files differ".to_owned()));
    }

    out.heading(&format!(
        "Sample: {} handwritten digits, logits of {} classes, mean cross-entropy",
        expected.rows, expected.classes
    ))?;
    let oracle = evaluate("cpu::Oracle", &cpu::Oracle, logits, targets)?;
    let mut evaluations = vec![evaluate("cpu::Fast", &cpu::Fast, logits, targets)?, oracle];
    if let Some(gpu) = gpu {
        evaluations.insert(0, evaluate("GPU", gpu, logits, targets)?);
    }
    let header = ["", "loss", "- sklearn", "gradient", "accuracy", "ms"];
    let mut table = output::table(&header, 1);
    let gradient = |each: &Evaluation| each.output.gradient.clone().map(OwnedValues::into_f32);
    let reference = evaluations.last().and_then(gradient);
    for each in &evaluations {
        let difference = largest_difference(gradient(each).as_deref(), reference.as_deref());
        table.add_row(vec![
            each.name.to_owned(),
            format!("{:.9}", each.output.loss),
            format!("{:+.1e}", f64::from(each.output.loss) - expected.log_loss),
            difference.map_or("-".to_owned(), |it| format!("{it:.1e}")),
            format!("{:.4}", each.accuracy),
            three(each.milliseconds),
        ]);
    }
    table.add_row(vec![
        "scikit-learn log_loss".to_owned(),
        format!("{:.9}", expected.log_loss),
        String::new(),
        String::new(),
        format!("{:.4}", expected.accuracy),
        String::new(),
    ]);
    out.table(&table)?;
    out.line("  - sklearn: less scikit-learn's; gradient: largest difference from the oracle's")
}

/// The largest difference of two gradients; NaN if any is.
fn largest_difference(ours: Option<&[f32]>, reference: Option<&[f32]>) -> Option<f64> {
    let (ours, reference) = (ours?, reference?);
    let differences =
        ours.iter().zip(reference).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
    Some(differences.fold(
        0.0,
        |largest: f64, it| {
            if it > largest || it.is_nan() { it } else { largest }
        },
    ))
}
