//! The program `wgpu-loss`: a report on this machine, verification, benchmarks, and losses of
//! arrays in files.
#![deny(unsafe_code)]

mod adapters;
mod arguments;
mod bench;
mod device;
mod environment;
mod eval;
mod failure;
mod output;
mod pending;
mod place;
mod report;
mod roofline;
mod signals;
mod tune;
mod tuning;
mod verify;
mod wgsl;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use arguments::{Arguments, Command};
use failure::{Failure, Result};
use output::Output;

fn main() -> ExitCode {
    environment::complete();
    signals::handle();
    let arguments = Arguments::parse();
    let mut out = Output::stdout();
    let outcome = run(&arguments, &mut out).and_then(|code| {
        out.flush().map_err(Failure::Stdout)?;
        Ok(code)
    });
    match outcome {
        Ok(code) => code,
        // clap words bad usage alike, wherever it is noticed, and exits with 2.
        Err(Failure::Usage(message)) => {
            Arguments::command().error(ErrorKind::MissingRequiredArgument, message).exit()
        }
        Err(failure) => {
            output::error(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, out: &mut Output) -> Result<ExitCode> {
    let adapter = arguments.adapter.as_deref();
    if arguments.no_tuning {
        tuning::turn_off();
    }
    match &arguments.command {
        None => report::run(adapter, out),
        Some(Command::Adapters(options)) => adapters::run(adapter, options, out),
        Some(Command::Verify(options)) => verify::run(adapter, options, out),
        Some(Command::Bench(options)) => bench::run(adapter, options, out),
        Some(Command::Roofline(options)) => roofline::run(adapter, options, out),
        Some(Command::Tune(options)) => tune::run(adapter, options, out),
        Some(Command::Eval(options)) => eval::run(adapter, options, out),
        Some(Command::Wgsl(options)) => wgsl::run(options, out),
    }
}
