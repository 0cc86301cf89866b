//! Development commands of wgpu-loss: each sees to a GPU adapter, then does its job.

mod adapter;
mod commands;
mod digests;
mod drivers;
mod grid;
mod install;
mod lanes;
mod layers;
mod linked;
mod mutants;
mod readme;
mod record;
mod suite;
mod verdict;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use adapter::Machine;
use grid::Grid;
use install::Consent;
use lanes::Lane;

/// What `cargo xtask` answers to `--help` and to what it doesn't know.
const USAGE: &str = "\
Usage: cargo xtask [--no-install] COMMAND [ARGS..]

Commands:
  run [ARGS..]   build the wgpu-loss program in release mode and run it with ARGS
  test [ARGS..]  check every feature alone, run every test, several files of them at once, then `lanes`;
                 with ARGS, only `cargo test ARGS`
  lanes [--full] [LANE..]
                 run the tests on other kinds of devices, all or those named: minimal (WebGPU's
                 least limits, no features), strict (nothing that WebGPU lacks), gl, poison
                 (lavapipe, memory not zeroed), swiftshader (where Chromium is installed),
                 validation (no message of the Vulkan validation layer); --full: all tests that
                 need a device, not only the quick ones
  mutants [--families] [--first] [NAME..]
                 count the cases of `wgpu-loss verify` that see a kernel without one of its numeric
                 safeguards, for all mutants of the kernels or those named; families and far_sums are run
                 on those that no case sees, with --families on all; with --first, one case that sees
                 a mutant is enough; exit code 1 if nobody sees one
  digests FILE [--against OTHER]
                 write a digest of what every case of `verify --broad`, of the conformance suites and
                 of 2000 random calls returns; exit code 1 where it differs from another file's,
                 as of another build on the same machine
  roofline [ARGS..]
                 verify and measure every operation, into a folder of the adapter's in
                 benches/record; ARGS go to `wgpu-loss roofline`
  wgsl           write the kernels of shaders/linked anew, as `wgpu-loss wgsl` prints them
  layers         check that every file of the library imports from the layers below it alone, and
                 from where a thing is defined
  readme         draw README's tables of speed from benches/record
  soak MINUTES   draw random calls for the GPU and the CPU until the time is over
  soak --faults MINUTES
                 the same calls over and over with faults between them: memory has to stay flat
  wasm-check     check that the library builds for wasm32-unknown-unknown
  help           print this

On Linux, `run`, `test`, `lanes`, `mutants`, `digests`, `roofline` and `soak` first look for a Vulkan driver.
Where there is none and apt-get can be used, they install Mesa's, which needs no GPU; elsewhere they
name the packages to install. So do the lanes gl and validation with theirs.

Options:
  --no-install   install nothing: only name what is missing
";

/// Dispatches on the first argument.
fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).peekable();
    let consent = match arguments.next_if(|argument| argument == "--no-install") {
        Some(_) => Consent::Never,
        None => Consent::Given,
    };
    let command = arguments.next();
    // `cargo xtask run -- --help`: the first `--` only ends what could be cargo's.
    arguments.next_if(|argument| argument == "--");
    let rest: Vec<OsString> = arguments.collect();

    match command.as_deref().and_then(|command| command.to_str()) {
        Some("run") => {
            if let Err(advice) = install::ensure_adapter(&Machine::here(), consent) {
                eprintln!("{advice}");
                note("going on without: the program falls back to the CPU");
            }
            commands::run(&rest)
        }
        Some("test") => with_adapter(consent, || test(&rest, consent)),
        Some("lanes") => with_adapter(consent, || lanes::command(&rest, &Machine::here(), consent)),
        Some("mutants") => with_adapter(consent, || mutants::run(&rest)),
        Some("roofline") => with_adapter(consent, || commands::roofline(&rest)),
        Some("digests") => with_adapter(consent, || digests::run(&rest)),
        Some("readme") => readme::run(),
        Some("wgsl") => linked::run(),
        Some("layers") => layers::run(),
        Some("soak") => with_adapter(consent, || commands::soak(&rest)),
        Some("wasm-check") => commands::wasm_check(),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Every test on the adapter that is there, then some of them on every other kind of device; or the
/// tests that the arguments choose.
fn test(arguments: &[OsString], consent: Consent) -> ExitCode {
    match commands::test(arguments) {
        Err(code) => code,
        Ok(()) if !arguments.is_empty() => ExitCode::SUCCESS,
        Ok(()) => lanes::run(&Lane::ALL, Grid::Quick, &Machine::here(), consent),
    }
}

/// Runs what needs an adapter.
fn with_adapter(consent: Consent, run: impl FnOnce() -> ExitCode) -> ExitCode {
    match install::ensure_adapter(&Machine::here(), consent) {
        Ok(()) => run(),
        Err(advice) => {
            eprintln!("{advice}");
            note("this needs an adapter: stopping");
            ExitCode::FAILURE
        }
    }
}

/// Says something about what xtask does, on stderr: stdout is the program's.
fn note(text: &str) {
    eprintln!("xtask: {text}");
}
