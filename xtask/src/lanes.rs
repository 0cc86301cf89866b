//! The tests on kinds of devices, side by side: each is a lane.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use tempfile::TempDir;

use crate::adapter::Machine;
use crate::commands::{Step, UNOPTIMISED};
use crate::grid::Grid;
use crate::install::{self, Consent, Refusal};
use crate::verdict::{self, Verdict};
use crate::{note, suite};

/// A kind of device, beside the one that `cargo test` finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// `Limits::default()` and no features: what every WebGPU device has.
    Minimal,
    /// Nothing that WebGPU does not have.
    Strict,
    /// OpenGL ES.
    Gl,
    /// lavapipe, with memory that is not zero.
    Poison,
    /// Chromium's software driver.
    SwiftShader,
    /// Under the Vulkan validation layer.
    Validation,
}

/// Why a lane cannot run.
#[derive(Debug, PartialEq, Eq)]
enum Unready {
    /// Something is missing here, which is no fault.
    Missing(String),
    /// Something went wrong.
    Failed(String),
}

/// What a validation layer is told. Without the cache, which would keep silent about shaders that
/// an earlier run has seen.
const LAYER_SETTINGS: &str = "\
khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.report_flags = error,warn,perf,info
khronos_validation.log_filename = stdout
khronos_validation.disables = VK_VALIDATION_FEATURE_DISABLE_SHADER_VALIDATION_CACHE_EXT
";

impl Lane {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 6] =
        [Self::Minimal, Self::Strict, Self::Gl, Self::Poison, Self::SwiftShader, Self::Validation];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Strict => "strict",
            Self::Gl => "gl",
            Self::Poison => "poison",
            Self::SwiftShader => "swiftshader",
            Self::Validation => "validation",
        }
    }

    /// The lane of that name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }

    /// The variables that make the lane; `folder` holds what they name.
    fn variables(
        self,
        machine: &Machine,
        consent: Consent,
        folder: &Path,
    ) -> Result<Vec<(&'static str, OsString)>, Unready> {
        let only_linux = |variables| match cfg!(target_os = "linux") {
            true => Ok(variables),
            false => Err(Unready::Missing("it needs Linux".to_owned())),
        };
        let driver = |path: Option<&Path>, adapter: &str, missing: &str| match path {
            // The older name for loaders before 1.3.207.
            Some(path) => Ok(vec![
                ("WGPU_BACKEND", "vulkan".into()),
                ("VK_DRIVER_FILES", path.into()),
                ("VK_ICD_FILENAMES", path.into()),
                ("WGPU_ADAPTER_NAME", adapter.into()),
            ]),
            None => Err(Unready::Missing(missing.to_owned())),
        };
        let mut variables = match self {
            Self::Minimal => vec![("WGPU_LOSS_TEST_DEVICE", "minimal".into())],
            Self::Strict => vec![("WGPU_STRICT_WEBGPU_COMPLIANCE", "1".into())],
            Self::Gl => {
                let packages = &["libegl1", "libgl1-mesa-dri"];
                let what = "Mesa's OpenGL ES drivers";
                install_unless(machine.has_gl(), machine, consent, what, packages)?;
                only_linux(vec![
                    ("WGPU_BACKEND", "gl".into()),
                    ("WGPU_ADAPTER_NAME", "".into()),
                    // wgpu takes a GL context that others hold for six seconds for a deadlock.
                    ("RUST_TEST_THREADS", "1".into()),
                ])?
            }
            Self::Poison => {
                let missing = "no lavapipe: apt-get install mesa-vulkan-drivers";
                let mut variables = driver(machine.lavapipe().as_deref(), "llvmpipe", missing)?;
                variables.push(("LVP_POISON_MEMORY", "true".into()));
                variables
            }
            Self::SwiftShader => {
                let missing = "no SwiftShader: Debian's package chromium has it";
                driver(machine.swiftshader().as_deref(), "SwiftShader", missing)?
            }
            Self::Validation => {
                let packages = &["vulkan-validationlayers"];
                let what = "the Vulkan validation layer";
                let is_there = machine.has_validation_layer();
                install_unless(is_there, machine, consent, what, packages)?;
                fs::write(folder.join("vk_layer_settings.txt"), LAYER_SETTINGS)
                    .map_err(|error| Unready::Failed(format!("{}: {error}", folder.display())))?;
                only_linux(vec![
                    ("WGPU_BACKEND", "vulkan".into()),
                    ("WGPU_VALIDATION", "1".into()),
                    // Debug information names WGSL as the source language, which Debian 12's layer
                    // does not know: it refuses the module, and checks no more of it.
                    ("WGPU_DEBUG", "0".into()),
                    ("VK_LAYER_SETTINGS_PATH", folder.into()),
                ])?
            }
        };
        if self != Self::Validation {
            // Else a layer that happens to be installed makes it slow.
            variables.push(("WGPU_VALIDATION", "0".into()));
        }
        Ok(variables)
    }
}

/// Installs what a lane needs, where it is missing.
fn install_unless(
    is_there: bool,
    machine: &Machine,
    consent: Consent,
    what: &str,
    packages: &[&str],
) -> Result<(), Unready> {
    if is_there || !cfg!(target_os = "linux") {
        return Ok(());
    }
    let advice = format!("needs Debian's packages {}", packages.join(", "));
    install::install(machine, consent, what, packages).map_err(|refusal| match refusal {
        Refusal::Untried => Unready::Missing(advice),
        Refusal::Failed => Unready::Failed(format!("{advice}, whose installation failed")),
    })
}

/// A lane that can run.
struct Ready {
    /// Its command.
    step: Step,
    /// Files that its variables name.
    _folder: TempDir,
}

/// Sees to what a lane needs. `threads`: of its tests, unless the lane says.
fn prepare(
    lane: Lane,
    grid: Grid,
    threads: usize,
    machine: &Machine,
    consent: Consent,
) -> Result<Ready, Unready> {
    let folder = tempfile::tempdir()
        .map_err(|error| Unready::Failed(format!("no temporary folder: {error}")))?;
    let mut variables = vec![("RUST_TEST_THREADS", threads.to_string().into())];
    variables.extend(lane.variables(machine, consent, folder.path())?);
    if grid == Grid::Quick && lane != Lane::Poison {
        variables.push((UNOPTIMISED.0, UNOPTIMISED.1.into()));
    }
    Ok(Ready { step: grid.step(variables), _folder: folder })
}

/// Runs one lane, and says how it went.
fn run_one(lane: Lane, grid: Grid, ready: &Ready) -> Verdict {
    let output = match ready.step.output() {
        Ok(output) => output,
        Err(error) => return Verdict::Failed(format!("cargo: {error}")),
    };
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let validated = lane == Lane::Validation;
    let verdict = verdict::of(output.status.success(), &stdout, &grid.tests(), validated);
    if matches!(verdict, Verdict::Failed(_)) {
        eprintln!("{stderr}\n{stdout}");
    }
    verdict
}

/// Runs lanes side by side, each to its end whatever the others did, and has a line for each.
pub fn run(lanes: &[Lane], grid: Grid, machine: &Machine, consent: Consent) -> ExitCode {
    let (at_once, threads) = suite::share(suite::cores());
    // One after the other: they may install packages.
    let prepare = |&lane: &Lane| (lane, prepare(lane, grid, threads, machine, consent));
    let jobs: Vec<_> = lanes.iter().map(prepare).collect();
    let mut failed = Vec::new();
    suite::side_by_side(
        jobs,
        at_once,
        |(lane, ready)| {
            let start = Instant::now();
            let verdict = match ready {
                Ok(ready) => run_one(*lane, grid, ready),
                Err(Unready::Missing(why)) => Verdict::NotRun(why.clone()),
                Err(Unready::Failed(why)) => Verdict::Failed(why.clone()),
            };
            (verdict, start.elapsed())
        },
        |(lane, _), (verdict, time)| {
            note(&format!("{:7.1} s  lane {}: {verdict}", time.as_secs_f64(), lane.name()));
            if matches!(verdict, Verdict::Failed(_)) {
                failed.push(lane.name());
            }
        },
    );
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    note(&format!("lanes that failed: {}", failed.join(", ")));
    ExitCode::FAILURE
}

/// The command `lanes`: those that are named, or all.
pub fn command(arguments: &[OsString], machine: &Machine, consent: Consent) -> ExitCode {
    match parse(arguments) {
        Ok((lanes, grid)) => run(&lanes, grid, machine, consent),
        Err(message) => {
            note(&message);
            ExitCode::from(2)
        }
    }
}

/// The lanes and the grid of the command's arguments.
fn parse(arguments: &[OsString]) -> Result<(Vec<Lane>, Grid), String> {
    let (mut lanes, mut grid) = (Vec::new(), Grid::Quick);
    for argument in arguments {
        let argument = argument.to_string_lossy();
        if argument == "--full" {
            grid = Grid::Full;
        } else if let Some(lane) = Lane::named(&argument) {
            lanes.push(lane);
        } else {
            let names = Lane::ALL.map(Lane::name).join(", ");
            return Err(format!("{argument} is no lane: expected --full, {names}"));
        }
    }
    Ok((if lanes.is_empty() { Lane::ALL.to_vec() } else { lanes }, grid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn lanes_are_chosen_by_name() {
        assert_eq!(parse(&[]), Ok((Lane::ALL.to_vec(), Grid::Quick)));
        assert_eq!(parse(&words("--full")), Ok((Lane::ALL.to_vec(), Grid::Full)));
        let two = vec![Lane::Gl, Lane::Minimal];
        assert_eq!(parse(&words("gl --full minimal")), Ok((two, Grid::Full)));
        for wrong in ["metal", "--quick", "GL", "gl,strict"] {
            let message = parse(&words(wrong)).expect_err(wrong);
            assert!(message.contains(wrong) && message.contains("swiftshader"), "{message}");
        }
    }

    #[cfg(all(unix, target_os = "linux"))]
    #[test]
    fn what_is_missing_is_said() {
        let root = crate::adapter::tests::Root::new();
        let machine = Machine::fake(&root.0, &[]);
        let folder = tempfile::tempdir().expect("a folder");
        let variables = |lane: Lane| lane.variables(&machine, Consent::Never, folder.path());
        for (lane, part) in [
            (Lane::Gl, "libegl1, libgl1-mesa-dri"),
            (Lane::Poison, "mesa-vulkan-drivers"),
            (Lane::SwiftShader, "chromium"),
            (Lane::Validation, "vulkan-validationlayers"),
        ] {
            let Err(Unready::Missing(why)) = variables(lane) else { panic!("{lane:?} is there") };
            assert!(why.contains(part), "{why}");
        }
        for lane in [Lane::Minimal, Lane::Strict] {
            let found = variables(lane).expect("needs nothing");
            assert!(found.contains(&("WGPU_VALIDATION", "0".into())), "{found:?}");
        }
    }

    #[cfg(all(unix, target_os = "linux"))]
    #[test]
    fn the_validation_layer_gets_its_settings() {
        let root = crate::adapter::tests::Root::new()
            .with("/layers/VkLayer_khronos_validation.json", r#"{"library_path": "./layer.so"}"#)
            .with("/layers/layer.so", "");
        let machine = Machine::fake(&root.0, &[("VK_LAYER_PATH", "/layers")]);
        let folder = tempfile::tempdir().expect("a folder");
        let lane = Lane::Validation.variables(&machine, Consent::Never, folder.path());
        let variables = lane.expect("the layer is there");
        assert!(variables.contains(&("WGPU_VALIDATION", "1".into())));
        assert!(variables.contains(&("VK_LAYER_SETTINGS_PATH", folder.path().into())));
        let settings = fs::read_to_string(folder.path().join("vk_layer_settings.txt"));
        assert_eq!(settings.expect("written"), LAYER_SETTINGS);
    }
}
