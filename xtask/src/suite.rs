//! Every test of the workspace, files of tests side by side: a software driver compiles the kernels of
//! one test on one core, so that cargo's order, file after file, leaves cores idle.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Output};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::commands::{Step, cargo, workspace};
use crate::note;

/// What takes longest where kernels are compiled on the CPU: it is not left to the end, where it would
/// run alone. `embedded` and `corners` hold a thousand kernels each, gigabytes of a software driver's
/// memory: what lies between them keeps them apart.
const LONG: [&str; 12] = [
    "embedded",
    "families",
    "streaming",
    "bench",
    "corners",
    "conformance",
    "properties",
    "gpu",
    "elementwise",
    "tune",
    "softmax_losses",
    "kernels",
];

/// A program with tests, as cargo built it.
#[derive(Debug, PartialEq, Eq)]
struct Tests {
    /// Its target's name.
    name: String,
    /// The program.
    executable: PathBuf,
    /// The folder of its package, in which it runs.
    package: PathBuf,
}

/// A line of cargo's account of a build, as far as it is of interest here.
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// The programs with tests that cargo's account of a build names, the longest first.
fn tests_of(account: &str) -> Result<Vec<Tests>, String> {
    let mut found = Vec::new();
    for line in account.lines().filter(|line| line.starts_with('{')) {
        let message: Message =
            serde_json::from_str(line).map_err(|error| format!("cargo wrote {line}: {error}"))?;
        let Message { reason, manifest_path, target, profile, executable } = message;
        let is_test = reason == "compiler-artifact" && profile.is_some_and(|profile| profile.test);
        let (true, Some(manifest), Some(target), Some(executable)) =
            (is_test, manifest_path, target, executable)
        else {
            continue;
        };
        let package = manifest.parent().unwrap_or(Path::new(".")).to_owned();
        found.push(Tests { name: target.name, executable, package });
    }
    if found.is_empty() {
        return Err("cargo built no tests".to_owned());
    }
    let place = |tests: &Tests| {
        let long = LONG.iter().position(|name| *name == tests.name);
        long.unwrap_or(LONG.len())
    };
    found.sort_by_key(place);
    Ok(found)
}

/// How many steps run at once, and how many threads each has for its tests: two to a step where
/// there are cores enough, since a test that waits leaves its core to the other.
pub fn share(cores: usize) -> (usize, usize) {
    let steps = cores.div_ceil(2).max(cores.min(2));
    (steps, (cores / steps).max(1))
}

/// The cores there are.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does jobs on so many threads, each taking the next when it has done one; `done` hears of one at a
/// time.
pub fn side_by_side<J: Send, R: Send>(
    jobs: Vec<J>,
    threads: usize,
    work: impl Fn(&J) -> R + Sync,
    done: impl FnMut(J, R) + Send,
) {
    let (jobs, done) = (Mutex::new(jobs.into_iter()), Mutex::new(done));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().expect("no job is taken by a panic").next();
                    let Some(job) = job else { break };
                    let result = work(&job);
                    done.lock().expect("nobody panicked before")(job, result);
                }
            });
        }
    });
}

/// Builds every test and runs it with these variables; an error is the exit code to end with.
pub fn run(variables: &[(&'static str, &str)]) -> Result<(), ExitCode> {
    let steps = build().map_err(|why| {
        note(&why);
        ExitCode::FAILURE
    })?;
    let (at_once, threads) = share(cores());
    let with_variables = |(name, step): (String, Step)| {
        let step = step.variable("RUST_TEST_THREADS", threads.to_string());
        let variables = variables.iter();
        (name, variables.fold(step, |step, (name, value)| step.variable(name, value)))
    };
    let steps: Vec<_> = steps.into_iter().map(with_variables).collect();
    let mut failed = Vec::new();
    side_by_side(
        steps,
        at_once,
        |(name, step)| {
            note(&format!("running {name}"));
            let start = Instant::now();
            (step.output_unannounced(), start.elapsed())
        },
        |(name, _), (output, time)| {
            if !report(&name, output, time) {
                failed.push(name);
            }
        },
    );
    if failed.is_empty() {
        return Ok(());
    }
    note(&format!("tests that failed: {}", failed.join(", ")));
    Err(ExitCode::FAILURE)
}

/// Builds all tests; each file of them with its command, and documentation's.
fn build() -> Result<Vec<(String, Step)>, String> {
    let build = Step::new(cargo()).folder(&workspace()).arguments([
        "test",
        "--workspace",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    let account = build.account().map_err(|error| format!("cargo: {error}"))?;
    if !account.status.success() {
        return Err(format!("{build} failed"));
    }
    let tests = tests_of(&String::from_utf8_lossy(&account.stdout))?;
    let mut steps: Vec<_> = tests.into_iter().map(Tests::step).collect();
    let documentation = ["test", "--workspace", "--doc"];
    let step = Step::new(cargo()).folder(&workspace()).arguments(documentation);
    // It compiles on every core at the end of a queue that keeps them busy.
    steps.push(("documentation".to_owned(), step));
    Ok(steps)
}

impl Tests {
    /// Its name and its command, in the place and with the variable that cargo gives it.
    fn step(self) -> (String, Step) {
        let step = Step::new(&self.executable).folder(&self.package);
        (self.name, step.variable("CARGO_MANIFEST_DIR", &self.package))
    }
}

/// Shows what tests wrote; says whether they passed.
fn report(name: &str, output: io::Result<Output>, time: Duration) -> bool {
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            note(&format!("{name}: {error}"));
            return false;
        }
    };
    let passed = output.status.success();
    // A reader that has gone is told the outcome by the exit code.
    let _ = io::stdout().write_all(&output.stdout);
    let _ = io::stderr().write_all(&output.stderr);
    let outcome = if passed { "passed" } else { "FAILED" };
    note(&format!("{:7.1} s  {name}: {outcome} ({})", time.as_secs_f64(), output.status));
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = r#"
{"reason":"compiler-artifact","manifest_path":"/w/Cargo.toml","target":{"name":"wgpu_loss"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/w/Cargo.toml","target":{"name":"cpu"},"profile":{"test":true},"executable":"/w/target/cpu-1"}
{"reason":"compiler-artifact","manifest_path":"/w/cli/Cargo.toml","target":{"name":"gpu"},"profile":{"test":true},"executable":"/w/target/gpu-1"}
{"reason":"compiler-artifact","manifest_path":"/w/Cargo.toml","target":{"name":"embedded"},"profile":{"test":true},"executable":"/w/target/embedded-1"}
{"reason":"build-finished","success":true}
"#;

    #[test]
    fn the_longest_tests_come_first() {
        let found = tests_of(ACCOUNT).expect("an account");
        let names: Vec<_> = found.iter().map(|tests| &*tests.name).collect();
        assert_eq!(names, ["embedded", "gpu", "cpu"]);
        assert_eq!(found[1].package, Path::new("/w/cli"));
        assert_eq!(found[1].executable, Path::new("/w/target/gpu-1"));
    }

    #[test]
    fn a_build_of_nothing_is_no_success() {
        assert!(tests_of("").is_err());
        assert!(tests_of("{\"reason\":\"build-finished\",\"success\":true}").is_err());
        assert!(tests_of("{\"reason\":").expect_err("no JSON").contains("cargo wrote"));
    }

    #[test]
    fn every_core_has_a_test() {
        for (cores, expected) in [(1, (1, 1)), (2, (2, 1)), (3, (2, 1)), (4, (2, 2)), (16, (8, 2))]
        {
            assert_eq!(share(cores), expected, "{cores} cores");
        }
    }

    #[test]
    fn every_job_is_done_once() {
        for threads in [1, 3, 8] {
            let mut results = Vec::new();
            let work = |job: &usize| job * job;
            side_by_side((0..20).collect(), threads, work, |job, square| {
                results.push((job, square));
            });
            results.sort_unstable();
            assert_eq!(results, (0..20).map(|job| (job, job * job)).collect::<Vec<_>>());
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_fails_is_told() {
        let shell = |script: &str| Step::new("sh").arguments(["-c", script]).output();
        let time = Duration::from_secs(1);
        assert!(report("good", shell("exit 0"), time));
        assert!(!report("bad", shell("exit 101"), time));
        assert!(!report("missing", Step::new("/no/such/program").output(), time));
    }
}
