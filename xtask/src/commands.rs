//! The commands behind `cargo xtask`, printed before they run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use crate::{note, suite};

/// The target of browsers.
const WASM: &str = "wasm32-unknown-unknown";

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// What's run.
    program: OsString,
    /// With what.
    arguments: Vec<OsString>,
    /// Where, if not where the user is.
    folder: Option<PathBuf>,
    /// Variables beside those there are.
    variables: Vec<(&'static str, OsString)>,
}

impl Step {
    /// A program without arguments.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            folder: None,
            variables: Vec::new(),
        }
    }

    /// With more arguments.
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// In a folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// With a variable.
    pub fn variable(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name, value.as_ref().to_owned()));
        self
    }

    /// The command, without cargo's variables about xtask: build scripts watching them would rerun.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if env::var_os("XDG_RUNTIME_DIR").is_none() {
            // Else Mesa's layer that picks a device by display says on stderr that there is none.
            command.env("NODEVICE_SELECT", "1");
        }
        for (name, _) in env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"]
                .iter()
                .any(|prefix| name.to_string_lossy().starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Prints it and runs it. An error is the exit code to end with.
    fn run(&self) -> Result<(), ExitCode> {
        eprintln!("$ {self}");
        match self.command().status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(exit_code(status)),
            Err(error) => {
                note(&format!("{}: {error}", self.program.to_string_lossy()));
                // What a shell answers for a command it can't run.
                Err(ExitCode::from(127))
            }
        }
    }

    /// Prints it and runs it with nothing to read; what it writes comes back instead of being shown.
    pub fn output(&self) -> io::Result<Output> {
        eprintln!("$ {self}");
        self.output_unannounced()
    }

    /// The same without printing it.
    pub fn output_unannounced(&self) -> io::Result<Output> {
        self.command().stdin(Stdio::null()).output()
    }

    /// Prints and runs it with nothing to read; what it writes to stdout comes back, the rest is shown.
    pub fn account(&self) -> io::Result<Output> {
        eprintln!("$ {self}");
        self.command().stdin(Stdio::null()).stderr(Stdio::inherit()).output()
    }

    /// Prints and runs it with nothing to read, its output on stderr; says whether it succeeded.
    pub fn run_quietly_on_stderr(&self) -> bool {
        eprintln!("$ {self}");
        let status = self.command().stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).status();
        status.is_ok_and(|status| status.success())
    }
}

impl fmt::Display for Step {
    /// As one would type it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(formatter, "{name}={} ", quoted(value))?;
        }
        // cargo's own path says nothing to the reader.
        let program = Path::new(&self.program).file_name().unwrap_or(&self.program);
        formatter.write_str(&quoted(program))?;
        for argument in &self.arguments {
            write!(formatter, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

/// A word as a shell reads it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_=+:,./@%\\".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A child's exit code as ours.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    // As a shell does: 128 and the signal.
    let code = status.code().or(signal.map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The cargo that runs xtask.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    // cargo's word at run time first: the checkout may have moved since the build.
    let xtask =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Builds and runs the program where the user is: paths among its arguments mean what they say.
pub fn run(arguments: &[OsString]) -> ExitCode {
    code_of(run_step(&cargo(), &workspace(), arguments).run())
}

/// The command of [`run()`].
fn run_step(cargo: &OsStr, workspace: &Path, arguments: &[OsString]) -> Step {
    Step::new(cargo)
        .arguments(["run", "--release", "--manifest-path"])
        .arguments([workspace.join("Cargo.toml")])
        .arguments(["--package", "wgpu-loss-cli", "--"])
        .arguments(arguments)
}

/// Verifies and measures everything, and records it.
pub fn roofline(arguments: &[OsString]) -> ExitCode {
    match roofline_step(&cargo(), &workspace(), arguments).run() {
        Ok(()) => {
            note("README.md's tables are drawn from benches/record by: cargo xtask readme");
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

/// The command of [`roofline()`]. Its folder is ours, so that records show the same command
/// wherever it was typed.
fn roofline_step(cargo: &OsStr, workspace: &Path, arguments: &[OsString]) -> Step {
    Step::new(cargo)
        .arguments(["run", "--release", "--package", "wgpu-loss-cli", "--"])
        .arguments(["roofline", "--out", "benches/record"])
        .arguments(arguments)
        .folder(workspace)
}

/// Thousands of kernels run once each: lavapipe's optimiser would take most of the time. A lane runs
/// with it.
pub const UNOPTIMISED: (&str, &str) = ("GALLIVM_PERF", "nopt");

/// Runs the tests, all or those the arguments choose. An error is the exit code to end with.
pub fn test(arguments: &[OsString]) -> Result<(), ExitCode> {
    if !arguments.is_empty() {
        return all(&[test_step(&cargo(), &workspace(), arguments)]);
    }
    all(&feature_steps(&cargo(), &workspace()))?;
    // The validation layer, where it is installed, has a lane of its own: it takes its time.
    suite::run(&[("WGPU_VALIDATION", "0"), UNOPTIMISED])
}

/// The command of [`test()`] with arguments.
fn test_step(cargo: &OsStr, workspace: &Path, arguments: &[OsString]) -> Step {
    let own = arguments.iter().take_while(|argument| *argument != "--");
    let package = own
        .map(|argument| argument.to_string_lossy())
        .any(|argument| argument.starts_with("--package") || argument.starts_with("-p"));

    // Beside `--workspace` cargo ignores a choice of packages.
    let scope: &[&str] = if package { &[] } else { &["--workspace"] };
    Step::new(cargo).folder(workspace).arguments(["test"]).arguments(scope).arguments(arguments)
}

/// The library's features, each of which is checked alone.
const FEATURES: [&str; 5] = ["cpu", "rayon", "runtime", "serde", "default-backends"];

/// The checks of the library with no feature, each one, and all; and of a program that records steps
/// into its own encoder, which no engine comes with.
fn feature_steps(cargo: &OsStr, workspace: &Path) -> Vec<Step> {
    let check = |arguments: &[&str]| {
        let library = ["rustc", "--profile", "check", "--package", "wgpu-loss", "--lib"];
        let step = Step::new(cargo).folder(workspace).arguments(library);
        step.arguments(arguments).arguments(["--", "-D", "warnings"])
    };
    let mut steps = vec![check(&["--no-default-features"])];
    let alone = |feature| check(&["--no-default-features", "--features", feature]);
    steps.extend(FEATURES.map(alone));
    steps.push(check(&["--all-features"]));
    let program = ["check", "--package", "wgpu-loss-painter"];
    steps.push(Step::new(cargo).folder(workspace).arguments(program));
    steps
}

/// Runs the property tests for so many minutes, each call drawn anew; with `--faults` the test of
/// calls and faults that watches memory.
pub fn soak(arguments: &[OsString]) -> ExitCode {
    let (minutes, test) = match arguments {
        [minutes] => (minutes, "properties"),
        [option, minutes] if option == "--faults" => (minutes, "soak"),
        _ => {
            note("soak takes the number of minutes: cargo xtask soak [--faults] 30");
            return ExitCode::from(2);
        }
    };
    let number = minutes.to_str().and_then(|text| text.parse::<f64>().ok());
    if !number.is_some_and(|number| number > 0.0 && number.is_finite()) {
        note(&format!("{} is no number of minutes", minutes.to_string_lossy()));
        return ExitCode::from(2);
    }
    code_of(all(&[soak_step(&cargo(), &workspace(), test, minutes)]))
}

/// The command of [`soak()`].
fn soak_step(cargo: &OsStr, workspace: &Path, test: &str, minutes: &OsStr) -> Step {
    let arguments = ["test", "--release", "--workspace", "--test", test];
    Step::new(cargo)
        .arguments(arguments)
        .arguments(["--", "--nocapture"])
        .folder(workspace)
        .variable("WGPU_LOSS_SOAK_MINUTES", minutes)
}

/// The exit code of what ended well, or with a code.
fn code_of(result: Result<(), ExitCode>) -> ExitCode {
    result.map_or_else(|code| code, |()| ExitCode::SUCCESS)
}

/// Runs commands up to the first that fails, then says how long each took.
fn all(steps: &[Step]) -> Result<(), ExitCode> {
    let mut times: Vec<(&Step, Duration, &str)> = Vec::new();
    let mut result = Ok(());
    for step in steps {
        let start = Instant::now();
        result = step.run();
        times.push((step, start.elapsed(), if result.is_ok() { "" } else { " (failed)" }));
        if result.is_err() {
            break;
        }
    }
    for (step, time, outcome) in times {
        note(&format!("{:7.1} s  {step}{outcome}", time.as_secs_f64()));
    }
    result
}

/// Checks the library for browsers, where rayon and native waits don't exist.
pub fn wasm_check() -> ExitCode {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let arguments = ["--print", "target-libdir", "--target", WASM];
    let installed = Command::new(rustc).args(arguments).output().is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    });
    if !installed {
        note(&format!("the target {WASM} isn't installed: rustup target add {WASM}"));
        return ExitCode::FAILURE;
    }
    code_of(all(&wasm_steps(&cargo(), &workspace())))
}

/// The commands of [`wasm_check`]: without engines, with each, and with both.
fn wasm_steps(cargo: &OsStr, workspace: &Path) -> [Step; 4] {
    let sets = ["default-backends", "cpu", "runtime", "cpu,default-backends,runtime"];
    sets.map(|features| {
        let library = ["rustc", "--profile", "check", "--package", "wgpu-loss", "--lib"];
        let features = ["--no-default-features", "--features", features, "--", "-D", "warnings"];
        let step = Step::new(cargo).folder(workspace).arguments(library);
        step.arguments(["--target", WASM]).arguments(features)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arguments as the command line gives them.
    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn every_feature_is_checked_alone() {
        let steps = feature_steps(OsStr::new("/toolchain/bin/cargo"), Path::new("/w"));
        assert!(steps.iter().all(|step| step.folder.as_deref() == Some(Path::new("/w"))));
        let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
        let check = "cargo rustc --profile check --package wgpu-loss --lib";
        assert_eq!(steps[0], format!("{check} --no-default-features -- -D warnings"));
        assert_eq!(
            steps[1],
            format!("{check} --no-default-features --features cpu -- -D warnings")
        );
        assert_eq!(steps[6], format!("{check} --all-features -- -D warnings"));
        assert_eq!(steps[7], "cargo check --package wgpu-loss-painter");
    }

    #[test]
    fn features_are_those_of_the_manifest() {
        let manifest = workspace().join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).expect("the library's manifest");
        let table = manifest.split("[features]\n").nth(1).expect("features");
        let names = table.lines().take_while(|line| !line.starts_with('['));
        let names = names.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
        let mut names: Vec<_> = names.filter(|name| *name != "default").collect();
        let mut checked = FEATURES.to_vec();
        names.sort_unstable();
        checked.sort_unstable();
        assert_eq!(checked, names);
    }

    #[test]
    fn arguments_go_to_the_tests() {
        let command = |line: &str| {
            let step = test_step(OsStr::new("/toolchain/bin/cargo"), Path::new("/w"), &words(line));
            assert_eq!(step.folder.as_deref(), Some(Path::new("/w")));
            step.to_string()
        };
        assert_eq!(
            command("planner -- --nocapture"),
            "cargo test --workspace planner -- --nocapture"
        );
        assert_eq!(command("--doc"), "cargo test --workspace --doc");
        assert_eq!(command("-- -p"), "cargo test --workspace -- -p");
        for package in ["-p xtask", "-pxtask", "--package=xtask", "--package xtask"] {
            assert_eq!(command(package), format!("cargo test {package}"));
        }
    }

    #[test]
    fn a_soak_tells_the_tests_how_long() {
        for test in ["properties", "soak"] {
            let minutes = OsStr::new("2.5");
            let step = soak_step(OsStr::new("cargo"), Path::new("/w"), test, minutes);
            assert_eq!(step.folder.as_deref(), Some(Path::new("/w")));
            let expected = format!(
                "WGPU_LOSS_SOAK_MINUTES=2.5 cargo test --release --workspace --test {test} -- \
                 --nocapture"
            );
            assert_eq!(step.to_string(), expected);
        }
        for wrong in ["", "ten", "0", "-1", "inf", "1 2", "--faults", "--faults 0", "1 --faults"] {
            assert_eq!(format!("{:?}", soak(&words(wrong))), format!("{:?}", ExitCode::from(2)));
        }
    }

    #[test]
    fn the_program_runs_where_the_user_is() {
        let step = run_step(OsStr::new("cargo"), Path::new("w"), &words("verify --help"));
        assert_eq!(step.folder, None);
        let manifest = Path::new("w").join("Cargo.toml");
        let manifest = quoted(manifest.as_os_str());
        let expected = format!(
            "cargo run --release --manifest-path {manifest} --package wgpu-loss-cli -- verify --help"
        );
        assert_eq!(step.to_string(), expected);
    }

    #[test]
    fn rooflines_are_recorded_in_the_workspace() {
        let step = roofline_step(OsStr::new("cargo"), Path::new("/w"), &words("--quick"));
        assert_eq!(step.folder.as_deref(), Some(Path::new("/w")));
        let expected = "cargo run --release --package wgpu-loss-cli -- \
                        roofline --out benches/record --quick";
        assert_eq!(step.to_string(), expected);
    }

    #[test]
    fn browsers_get_no_default_features() {
        for step in wasm_steps(OsStr::new("cargo"), Path::new("/w")) {
            let step = step.to_string();
            assert!(step.contains("--target wasm32-unknown-unknown --no-default-features"));
            assert!(!step.contains("rayon"), "{step}");
        }
    }

    #[test]
    fn commands_are_printed_as_typed() {
        let step = Step::new("/bin/echo").arguments(["plain/path.rs", "two words", "it's", ""]);
        assert_eq!(step.to_string(), r"echo plain/path.rs 'two words' 'it'\''s' ''");
    }

    #[cfg(unix)]
    #[test]
    fn exit_codes_are_passed_on() {
        let shell = |script: &str| Step::new("sh").arguments(["-c", script]);
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        let result = |step: &Step| step.run().map_err(|code| format!("{code:?}"));
        assert_eq!(result(&shell("exit 0")), Ok(()));
        assert_eq!(result(&shell("exit 7")), Err(code(7)));
        assert_eq!(result(&shell("kill -9 $$")), Err(code(137)));
        assert_eq!(result(&Step::new("/no/such/program")), Err(code(127)));
        assert!(shell("exit 0").run_quietly_on_stderr());
        assert!(!shell("exit 1").run_quietly_on_stderr());
        assert!(!Step::new("/no/such/program").run_quietly_on_stderr());
    }
}
