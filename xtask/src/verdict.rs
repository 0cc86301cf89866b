//! How a lane's tests went, read from what they wrote.

use std::fmt;

/// How a lane went.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All tests passed.
    Passed {
        /// How many.
        tests: u64,
        /// What they ran on.
        device: String,
    },
    /// Why not.
    Failed(String),
    /// What is missing for it to run.
    NotRun(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed { tests, device } => {
                write!(formatter, "passed: {tests} tests on {device}")
            }
            Self::Failed(why) => write!(formatter, "FAILED: {why}"),
            Self::NotRun(why) => write!(formatter, "not run: {why}"),
        }
    }
}

/// What the validation layer's messages have in them, but for information.
const COMPLAINTS: [&str; 3] =
    ["Validation Error: [", "Validation Warning: [", "Validation Performance Warning: ["];

/// What it says when it starts.
const LAYER_IS_ACTIVE: &str = "Khronos Validation Layer Active";

/// How a lane went, by cargo's exit status and what the tests wrote. `wanted`: parts of the names of
/// tests, each of which must have run; `validated`: under the validation layer, which writes between
/// them.
pub fn of(success: bool, stdout: &str, wanted: &[&str], validated: bool) -> Verdict {
    let (passed, failed) = counts(stdout);
    let failure = if failed > 0 {
        Some(format!("{failed} of {} tests", passed + failed))
    } else if !success {
        Some("cargo test".to_owned())
    } else if let Some(name) = wanted.iter().find(|name| !has_run(stdout, name)) {
        Some(format!("there is no test {name}"))
    } else if validated {
        complaint(stdout)
    } else {
        None
    };
    if let Some(failure) = failure {
        return Verdict::Failed(failure);
    }
    // Two tests are of the device: they alone test nothing.
    match stdout.lines().find_map(|line| line.strip_prefix("lane: ")) {
        Some(device) if passed > 2 => Verdict::Passed { tests: passed, device: device.to_owned() },
        Some(_) => Verdict::Failed("it ran no test".to_owned()),
        None => Verdict::Failed("no test says which device it ran on".to_owned()),
    }
}

/// Tests that passed and that failed, over all files of tests.
fn counts(stdout: &str) -> (u64, u64) {
    let before = |line: &str, word: &str| -> Option<u64> {
        line.split_once(word)?.0.split_whitespace().last()?.parse().ok()
    };
    let results = stdout.lines().filter(|line| line.contains("test result: "));
    results.fold((0, 0), |(passed, failed), line| {
        let of_line = [" passed;", " failed;"].map(|word| before(line, word).unwrap_or_default());
        (passed + of_line[0], failed + of_line[1])
    })
}

/// Whether a test ran whose name has that in it.
fn has_run(stdout: &str, name: &str) -> bool {
    let mut lines = stdout.lines().filter_map(|line| line.split_once("test "));
    lines.any(|(_, line)| line.split(" ... ").next().is_some_and(|test| test.contains(name)))
}

/// What the validation layer found, or that it was not there to find anything.
fn complaint(stdout: &str) -> Option<String> {
    let mut complaints =
        stdout.lines().filter(|line| COMPLAINTS.iter().any(|word| line.contains(word)));
    match complaints.next() {
        Some(first) => {
            Some(format!("{} validation messages, first: {first}", 1 + complaints.count()))
        }
        None if !stdout.contains(LAYER_IS_ACTIVE) => {
            Some("the validation layer was not active".to_owned())
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 1 test
test some::test_of_it ... ok
lane: llvmpipe, vulkan, no subgroups
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.11s
test result: ok. 20 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.58s
";

    #[test]
    fn tests_are_counted() {
        let device = "llvmpipe, vulkan, no subgroups".to_owned();
        let passed = Verdict::Passed { tests: 22, device };
        assert_eq!(passed.to_string(), "passed: 22 tests on llvmpipe, vulkan, no subgroups");
        assert_eq!(of(true, OUTPUT, &["test_of", "some::"], false), passed);
    }

    #[test]
    fn failures_are_failures() {
        let failed = OUTPUT.replace("20 passed; 0 failed", "17 passed; 3 failed");
        assert_eq!(of(false, &failed, &[], false), Verdict::Failed("3 of 22 tests".to_owned()));
        // A file of tests that died has no result.
        assert_eq!(of(false, OUTPUT, &[], false), Verdict::Failed("cargo test".to_owned()));
    }

    #[test]
    fn a_lane_without_tests_fails() {
        assert_eq!(
            of(true, "", &[], false),
            Verdict::Failed("no test says which device it ran on".to_owned())
        );
        let only_device = OUTPUT.replace("20 passed", "0 passed");
        let none = Verdict::Failed("it ran no test".to_owned());
        assert_eq!(of(true, &only_device, &[], false), none);
        let renamed = Verdict::Failed("there is no test other".to_owned());
        assert_eq!(of(true, OUTPUT, &["test_of", "other"], false), renamed);
    }

    #[test]
    fn any_validation_message_fails() {
        let verdict = |line: &str| of(true, &format!("{line}\n{OUTPUT}"), &[], true);
        let active = "x(INFO / SPEC): Validation Information: Khronos Validation Layer Active:";
        assert!(matches!(verdict(active), Verdict::Passed { .. }));
        for word in COMPLAINTS {
            let message = format!("{active}\ntest a ... VUID-x(ERROR / SPEC): {word} VUID-x ]");
            let Verdict::Failed(why) = verdict(&message) else { panic!("{word} passes") };
            assert!(why.starts_with("1 validation messages") && why.contains("VUID-x"), "{why}");
        }
        let silent = Verdict::Failed("the validation layer was not active".to_owned());
        assert_eq!(verdict(""), silent);
    }
}
