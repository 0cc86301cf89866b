//! Development commands of wgpu-loss: each sees to a GPU adapter, then does its job.

mod adapter;
mod commands;
mod install;
mod readme;
mod record;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use adapter::Machine;
use install::Consent;

/// What `cargo xtask` answers to `--help` and to what it doesn't know.
const USAGE: &str = "\
Usage: cargo xtask [--no-install] COMMAND [ARGS..]

Commands:
  run [ARGS..]   build the wgpu-loss program in release mode and run it with ARGS
  test [ARGS..]  check the smallest feature set and run every test; ARGS go to `cargo test`
  roofline [ARGS..]
                 verify and measure every operation, into a folder of the adapter's in
                 benches/record; ARGS go to `wgpu-loss roofline`
  readme         draw README's tables of speed from benches/record
  soak MINUTES   draw random calls for the GPU and the CPU until the time is over
  wasm-check     check that the library builds for wasm32-unknown-unknown
  help           print this

On Linux, `run`, `test`, `roofline` and `soak` first look for a Vulkan driver. Where there is none
and apt-get can be used, they install Mesa's, which needs no GPU; elsewhere they name the packages
to install.

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
        Some("test") => with_adapter(consent, || commands::test(&rest)),
        Some("roofline") => with_adapter(consent, || commands::roofline(&rest)),
        Some("readme") => readme::run(),
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
