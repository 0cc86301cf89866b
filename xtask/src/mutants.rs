//! The account of the kernels' mutants: which cases of `verify` see each, and which tests.

use std::collections::HashSet;
use std::ffi::OsString;
use std::process::ExitCode;

use crate::commands::{Step, UNOPTIMISED, cargo, workspace};
use crate::note;
use crate::suite::{cores, side_by_side};

// What is looked at is what they are called and what they lack.
#[allow(dead_code)]
#[path = "../../tests/common/mutants/mod.rs"]
mod list;

/// Names the mutants that `account_of_mutants` of `tests/mutants.rs` tells of.
const NAMES: &str = "WGPU_LOSS_MUTANTS";

/// Set where it is enough that a mutant is seen, by however many cases.
const FIRST: &str = "WGPU_LOSS_MUTANTS_FIRST";

/// What every line of the account begins with.
const MARK: &str = "mutant\t";

/// How the quick list of `verify` sees a mutant, on one tuning of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Count {
    name: String,
    on: String,
    failed: usize,
    /// Cases that run a changed kernel.
    changed: usize,
    /// Cases of the list.
    cases: usize,
    /// The smallest case that fails, if any does.
    case: String,
}

impl Count {
    /// A line of the account; other lines are none.
    fn of(line: &str) -> Option<Self> {
        // The harness may have begun the line.
        let (_, fields) = line.split_once(MARK)?;
        let fields: Vec<_> = fields.split('\t').collect();
        let [name, on, failed, changed, cases, case] = fields.as_slice() else { return None };
        Some(Self {
            name: (*name).to_owned(),
            on: (*on).to_owned(),
            failed: failed.parse().ok()?,
            changed: changed.parse().ok()?,
            cases: cases.parse().ok()?,
            case: (*case).to_owned(),
        })
    }
}

/// What is asked for.
struct Request {
    /// Whether the tests of families run on every mutant.
    families: bool,
    /// Whether one case that sees a mutant is enough.
    first: bool,
    mutants: Vec<&'static list::Mutant>,
}

fn parse(arguments: &[OsString]) -> Result<Request, String> {
    let (mut families, mut first) = (false, false);
    let mut names = HashSet::new();
    for argument in arguments {
        match argument.to_string_lossy() {
            option if option == "--families" => families = true,
            option if option == "--first" => first = true,
            name if list::all().any(|mutant| mutant.name == name) => {
                names.insert(name.into_owned());
            }
            name => {
                return Err(format!("{name} is no mutant: tests/common/mutants has their names"));
            }
        }
    }
    let is_named = |mutant: &&list::Mutant| names.is_empty() || names.contains(mutant.name);
    Ok(Request { families, first, mutants: list::all().filter(is_named).collect() })
}

/// Prints the account as a table; exit code 1 where nobody sees a mutant.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let Request { families, first, mutants } = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(why) => {
            note(&why);
            return ExitCode::from(2);
        }
    };
    let counts = match counts(&mutants, first) {
        Ok(counts) => counts,
        Err(why) => {
            note(&why);
            return ExitCode::FAILURE;
        }
    };
    let mut unseen = Vec::new();
    println!("| Mutant | Lacks | Cases of `verify` | Smallest of them | Tests of families |");
    println!("|---|---|--:|---|--:|");
    for mutant in mutants {
        let of_mutant: Vec<_> = counts.iter().filter(|count| count.name == mutant.name).collect();
        let is_seen = of_mutant.iter().any(|count| count.failed > 0);
        let tests = (families || !is_seen).then(|| failed_tests(mutant.name));
        if !is_seen && tests.is_none_or(|tests| tests == 0) {
            unseen.push(mutant.name);
        }
        let verified: Vec<_> = of_mutant.iter().map(|count| shown(count)).collect();
        let case =
            of_mutant.iter().find_map(|count| (!count.case.is_empty()).then_some(&count.case));
        println!(
            "| {} | {} | {} | {} | {} |",
            mutant.name,
            mutant.safeguard,
            verified.join("; "),
            case.map_or("", |case| case.as_str()),
            tests.map_or_else(String::new, |tests| format!("{tests} fail")),
        );
    }
    if unseen.is_empty() {
        return ExitCode::SUCCESS;
    }
    note(&format!("nobody sees {}", unseen.join(", ")));
    ExitCode::FAILURE
}

/// A count as the table shows it.
fn shown(count: &Count) -> String {
    let Count { on, failed, changed, cases, .. } = count;
    let place = if on == "Device" { String::new() } else { format!(" on {on}") };
    format!("{failed} of {cases} ({changed} run it){place}")
}

/// The account of mutants, by as many processes as there are cores.
fn counts(mutants: &[&list::Mutant], first: bool) -> Result<Vec<Count>, String> {
    let build = step("mutants").arguments(["--no-run"]);
    if !build.run_quietly_on_stderr() {
        return Err(format!("{build} failed"));
    }
    let processes = cores().min(mutants.len().max(1));
    // Neighbours in the list take about as long: each process has some of all.
    let names_of = |process: usize| {
        let names = mutants.iter().skip(process).step_by(processes).map(|mutant| mutant.name);
        names.collect::<Vec<_>>().join(",")
    };
    let of_process = |process: usize| {
        let step = account_step(&names_of(process));
        if first { step.variable(FIRST, "1") } else { step }
    };
    let steps: Vec<_> = (0..processes).map(of_process).collect();
    let mut counts = Vec::new();
    let mut failed = Vec::new();
    side_by_side(steps, processes, Step::output, |step, output| match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            counts.extend(text.lines().filter_map(Count::of));
        }
        Ok(output) => failed.push(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => failed.push(format!("{step}: {error}")),
    });
    match failed.is_empty() {
        true => Ok(counts),
        false => Err(failed.join("\n")),
    }
}

/// A file of the library's tests.
fn step(file: &str) -> Step {
    Step::new(cargo())
        .folder(&workspace())
        .arguments(["test", "--workspace", "--test", file])
        .variable("WGPU_VALIDATION", "0")
        .variable(UNOPTIMISED.0, UNOPTIMISED.1)
}

/// The command that tells of some mutants.
fn account_step(names: &str) -> Step {
    step("mutants")
        .arguments(["--", "--ignored", "--exact", "account_of_mutants", "--nocapture"])
        .variable(NAMES, names)
}

/// How many tests of kernel families, and of sums that all but cancel, fail on a mutant.
fn failed_tests(name: &str) -> usize {
    let failed = |file| {
        let step = step(file).variable(list::VARIABLE, name);
        let output = step.output().map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&output);
        let is_failed = |line: &&str| line.starts_with("test ") && line.ends_with("... FAILED");
        text.lines().filter(is_failed).count()
    };
    ["families", "far_sums"].into_iter().map(failed).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_account() {
        let found =
            Count::of("test it ... mutant\tlast-of-ties\tDevice\t16\t250\t315\ta case, 3 x 4");
        let expected = Count {
            name: "last-of-ties".into(),
            on: "Device".into(),
            failed: 16,
            changed: 250,
            cases: 315,
            case: "a case, 3 x 4".into(),
        };
        assert_eq!(shown(&expected), "16 of 315 (250 run it)");
        let elsewhere = Count { on: "TwoStep".into(), ..expected.clone() };
        assert_eq!(shown(&elsewhere), "16 of 315 (250 run it) on TwoStep");
        assert_eq!(found, Some(expected));
        for other in ["", "running 1 test", "mutant\tlast-of-ties\tDevice\tsome\t250\t315\t"] {
            assert_eq!(Count::of(other), None, "{other}");
        }
    }

    #[test]
    fn mutants_are_chosen_by_name() {
        let words = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let found = parse(&words("--families last-of-ties --first")).expect("a mutant");
        assert!(found.families && found.first);
        assert_eq!(found.mutants.iter().map(|it| it.name).collect::<Vec<_>>(), ["last-of-ties"]);
        let found = parse(&[]).expect("all of them");
        assert!(!found.families && !found.first && found.mutants.len() > 100);
        assert!(parse(&words("first-of-ties")).is_err_and(|why| why.contains("first-of-ties")));
        let command = account_step("a,b").to_string();
        assert!(command.contains("WGPU_LOSS_MUTANTS=a,b"), "{command}");
    }
}
