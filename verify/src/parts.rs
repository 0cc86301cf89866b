//! Cross-entropy of parts of the classes: what several devices would do, one after the other.

use wgpu_loss::partial::{ClassRange, PartialState, merge};
use wgpu_loss::{
    CrossEntropyOutput, Engine, Logits, OwnedValues, Result, Shape, TargetValues, Targets, cpu,
};

use super::compare::Problem;

/// What the parts give together.
#[derive(Debug)]
pub(super) struct Merged<T = f32, G = OwnedValues> {
    /// The states of each part.
    pub(super) states: Vec<Vec<PartialState>>,
    pub(super) output: CrossEntropyOutput<T, G>,
}

/// So many parts, each larger than the one before, but never more than there are classes.
pub(super) fn ranges(classes: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = parts.clamp(1, classes.max(1));
    let cut = move |part: usize| match part == parts {
        true => classes,
        false => part.max(classes * part * part / (parts * parts)),
    };
    (0..parts).map(move |part| (cut(part), cut(part + 1)))
}

/// Some of the classes of every row, where they lie.
pub(super) fn columns(matrix: Logits<'_>, (first, end): (usize, usize)) -> Result<Logits<'_>> {
    let shape = matrix.shape();
    let skipped = (first * shape.inner).min(matrix.values().len());
    Logits::from_values(matrix.values().behind(skipped), Shape { classes: end - first, ..shape })
}

/// The targets as a part takes them: its columns of probabilities.
pub(super) fn targets_of<'a>(targets: Targets<'a>, range: (usize, usize)) -> Result<Targets<'a>> {
    Ok(match targets.values {
        TargetValues::Classes(_) => targets,
        TargetValues::Probabilities(probabilities) => {
            let values = TargetValues::Probabilities(columns(probabilities, range)?);
            Targets { values, ..targets }
        }
    })
}

/// The states of each part, in their order.
fn states(
    engine: &dyn Engine,
    problem: &Problem<'_>,
    parts: usize,
) -> Result<Vec<Vec<PartialState>>> {
    let total = problem.logits.classes();
    let of_part = |range: (usize, usize)| {
        let logits = columns(problem.logits, range)?;
        let targets = targets_of(problem.targets, range)?;
        let classes = ClassRange { first: range.0, total };
        engine.partial_states(logits, classes, targets, problem.options)
    };
    ranges(total, parts).map(of_part).collect()
}

/// Everything that an engine says of the parts.
pub(super) fn merged(engine: &dyn Engine, problem: &Problem<'_>, parts: usize) -> Result<Merged> {
    let Problem { logits, targets, upstream, options, .. } = *problem;
    let total = logits.classes();
    let states = states(engine, problem, parts)?;
    let merged = merge(&states.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    let mut output = engine.cross_entropy_of_states(&merged, total, targets, options)?;
    if let Some(upstream) = upstream {
        let whole = logits.shape().contiguous();
        let mut gradient = vec![0.0; whole.rows * total];
        for range in ranges(total, parts) {
            let logits = columns(logits, range)?;
            let targets = targets_of(targets, range)?;
            let classes = ClassRange { first: range.0, total };
            let of_part = engine
                .partial_gradient(logits, classes, &merged, targets, upstream, options)?
                .into_f32();
            let part = logits.shape().contiguous();
            for row in 0..whole.rows {
                for column in 0..part.classes {
                    let from = part.start_of(row) + column * part.inner;
                    let to = whole.start_of(row) + (range.0 + column) * whole.inner;
                    // Missing values become NaN, so that they are found.
                    gradient[to] = of_part.get(from).copied().unwrap_or(f32::NAN);
                }
            }
        }
        let element = options.gradient_element.unwrap_or(logits.element());
        output.gradient = Some(OwnedValues::from_f32(gradient, element));
    }
    Ok(Merged { states, output })
}

/// The oracle's states, and what it says of the whole rows.
pub(super) fn expected(problem: &Problem<'_>, parts: usize) -> Result<Merged<f64, Vec<f64>>> {
    let Problem { logits, targets, upstream, options, .. } = *problem;
    let output = cpu::Oracle.cross_entropy_f64(logits, targets, upstream, options)?;
    Ok(Merged { states: states(&cpu::Oracle, problem, parts)?, output })
}
