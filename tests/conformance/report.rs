//! Runs cases on an engine and keeps what came of it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wgpu_loss::{Engine, Error};
use wgpu_loss_verify::Digest;

use super::call::{Outputs, call};
use super::compare::{Tolerance, difference};
use super::layout::{PLAIN, Way, other_ways};
use super::problem::{Operation, Problem};
use super::reduction::WeightForm;
use super::suite::Case;
use super::tensor::Tensor;
use super::yardstick::{self, Yardstick};
use super::{focal, probe, upstream};

/// Cases with more logits than this are run in the plain way only.
const LARGE: usize = 1 << 22;

/// What came of all cases of some operations.
#[derive(Default)]
pub struct Report {
    pub cases: usize,
    pub refused: usize,
    pub calls: usize,
    /// Arrays that third parties assert.
    pub asserted: usize,
    pub ambiguous: usize,
    pub large: usize,
    pub failures: Vec<String>,
    pub notes: Vec<String>,
    pub yardstick: Yardstick,
    /// Of what the engine returned of the latest case.
    digest: Digest,
}

impl Report {
    /// Runs a case in every way there is.
    pub fn run(&mut self, engine: &dyn Engine, case: &Case<'_>, op: &str) {
        self.cases += 1;
        self.digest = Digest::default();
        let name = format!("{}/{}", case.suite, case.name);
        let mut failures = Vec::new();
        let run = AssertUnwindSafe(|| self.run_case(engine, case, op, &name, &mut failures));
        match catch_unwind(run) {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => failures.push(problem),
            Err(_) => failures.push("panicked: the message is above".into()),
        }
        self.failures.extend(failures.into_iter().map(|failure| format!("{name}: {failure}")));
        // For `cargo xtask digests`.
        println!("\ndigest\t{}, {op}, {name}\t{}", engine.name(), self.digest);
    }

    fn run_case(
        &mut self,
        engine: &dyn Engine,
        case: &Case<'_>,
        op: &str,
        name: &str,
        failures: &mut Vec<String>,
    ) -> Result<(), String> {
        let problem = Problem::of(case, op)?;
        if case.must_be_refused() {
            self.refused += 1;
            let without_gradient = Way { gradient: false, ..PLAIN };
            for way in [PLAIN, without_gradient] {
                self.calls += 1;
                match call(engine, &problem, way) {
                    Err(Error::Invalid { .. } | Error::TargetOutOfRange { .. }) => {}
                    Err(error) => failures.push(format!("failed instead of refusing: {error}")),
                    Ok(_) => failures.push("was not refused".into()),
                }
            }
            return Ok(());
        }
        let expected = case.tensors("expected")?;
        if expected.is_empty() {
            return Err("expects nothing".into());
        }
        let (rows, large) = (problem.logits.rows, problem.logits.values.len() > LARGE);
        self.large += usize::from(large);
        let others = if large { Vec::new() } else { other_ways(rows, problem.original_inner) };
        let forms = problem.weight_forms().into_iter();
        let in_form = |weights| move |way| Way { weights, ..way };
        let ways = || [PLAIN].into_iter().chain(others.clone());
        for way in forms.flat_map(|form| ways().map(in_form(form))) {
            let only_gradients = matches!(problem.operation, Operation::Softmax { .. });
            if only_gradients && !way.gradient {
                continue; // softmax and its gradient are calls of their own
            }
            self.calls += 1;
            let in_way = |text: String| match way.weights {
                WeightForm::Plain => format!("{}: {text}", way.name),
                form => format!("{}, weights {form:?}: {text}", way.name),
            };
            let outputs = call(engine, &problem, way);
            let outputs = outputs.map_err(|error| in_way(error.to_string()))?;
            self.digest.add(&outputs);
            let is_plain = std::ptr::eq(way.name, PLAIN.name) && way.weights == WeightForm::Plain;
            let compared = self.compare(case, &problem, way, &outputs, &expected, is_plain);
            failures.extend(compared.map_err(in_way)?.into_iter().map(in_way));
            if is_plain {
                let theirs = upstream::compare(engine, case, &problem, &outputs, &expected)?;
                self.asserted += theirs.compared;
                failures.extend(theirs.differences);
                // In the suites that come with the test everything can be compared.
                let notes = theirs.notes.into_iter();
                match case.own {
                    true => failures.extend(notes),
                    false => self.notes.extend(notes.map(|note| format!("{name}: {note}"))),
                }
            }
        }
        Ok(())
    }

    /// Every output that the case expects; gradients only where they were asked for.
    fn compare(
        &mut self,
        case: &Case<'_>,
        problem: &Problem,
        way: Way,
        outputs: &Outputs,
        expected: &BTreeMap<String, Tensor>,
        is_plain: bool,
    ) -> Result<Vec<String>, String> {
        let columns = problem.logits.classes;
        let ambiguous = case.tensors("ambiguous")?;
        let mut differences = Vec::new();
        for (name, values) in expected {
            if probe::is_index(name) || (!way.gradient && name.starts_with("grad_")) {
                continue;
            }
            let values_of = |outputs: &Outputs| probe::output(name, outputs, expected, columns);
            let mut found = values_of(outputs)?;
            let values = values.to_f64();
            if matches!(problem.operation, Operation::Focal(_)) {
                focal::take_certainty_for_undefined(&mut found, &values);
            }
            if name == "z_loss" && found.len() == 1 && values.len() != 1 {
                found = outputs.get("z_loss_rows").cloned().unwrap_or_default();
            }
            let tolerance = Tolerance::of(&case.field("tol")[name.as_str()]);
            let tolerance = tolerance.ok_or_else(|| format!("{name} without tolerance"))?;
            let mask = ambiguous.get(name).map(Tensor::to_f64);
            let is_matrix = values.len() == problem.logits.values.len();
            let difference = difference(
                &found,
                &values,
                &[tolerance],
                mask.as_deref(),
                if is_matrix { columns } else { 1 },
            );
            differences.extend(difference.map(|text| format!("{name}: {text}")));
            if is_plain {
                self.ambiguous += mask.iter().flatten().filter(|&&flag| flag == 1.0).count();
                let torch = case.field("torch_f32")[name.as_str()]["max_abs"].as_f64();
                if let Some(torch) = torch.filter(|error| error.is_finite()) {
                    let (ours, unit) = yardstick::error(&found, &values, problem.logits.largest());
                    let what = format!("{}/{} {name}", case.suite, case.name);
                    self.yardstick.add(what, ours, torch, unit);
                }
            }
        }
        Ok(differences)
    }

    /// Panics unless everything went as it should.
    pub fn check(&self, what: &str) {
        println!(
            "{what}: {} cases ({} to refuse, {} too large for every layout), {} calls, {} arrays \
             that third parties assert, {} ambiguous elements left out\n  {}",
            self.cases,
            self.refused,
            self.large,
            self.calls,
            self.asserted,
            self.ambiguous,
            self.yardstick,
        );
        self.notes.iter().for_each(|note| println!("  not compared: {note}"));
        let (some, count) = (&self.failures[..self.failures.len().min(40)], self.failures.len());
        assert!(self.failures.is_empty(), "{what}: {count} failures:\n{}", some.join("\n"));
        assert!(self.yardstick.passed(), "{what}: worse than PyTorch: {}", self.yardstick);
    }
}
