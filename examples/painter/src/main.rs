//! A renderer that trains while it draws:
//! `cargo run --release --package wgpu-loss-painter`.
#![deny(unsafe_code)]

mod arguments;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;
use wgpu_loss_painter::device::Device;
use wgpu_loss_painter::failure::{Failure, Result};
use wgpu_loss_painter::headless::Headless;
use wgpu_loss_painter::{curve, files, strip};

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "window")]
    let outcome = if arguments.window {
        wgpu_loss_painter::window::run(
            arguments.adapter.as_deref(),
            arguments.size,
            arguments.frames,
        )
    } else {
        run(&arguments)
    };
    #[cfg(not(feature = "window"))]
    let outcome = run(&arguments);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // There is nowhere left to say that stderr is closed.
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { out, every, frames, size, .. } = arguments;
    files::folder(out)?; // refused before anything is computed
    let device = Device::offscreen(arguments.adapter.as_deref())?;
    say(format_args!("{}", device.adapter.get_info().name))?;
    let headless = Headless::new(device, *size, *frames)?;

    let is_written = |number: u32| *every > 0 && number.is_multiple_of(*every);
    let mut for_strip = Vec::new();
    let start = Instant::now();
    headless.run(
        |number| is_written(number) || arguments.strip.contains(&number),
        |frame| {
            let (loss, right) = (frame.totals.loss, frame.percent_right());
            say(format_args!("step {:5}: loss {loss:.4}, {right:.1} % right", frame.number))?;
            if is_written(frame.number) {
                let path = out.join(format!("frame-{:05}.png", frame.number));
                files::write(&path, |file| frame.picture.encode(file))?;
            }
            if arguments.strip.contains(&frame.number) {
                for_strip.push(frame);
            }
            Ok(())
        },
    )?;
    let losses = headless.losses()?;
    let seconds = start.elapsed().as_secs_f32();
    say(format_args!("{} frames in {seconds:.1} s", losses.len()))?;

    let svg = curve::draw(&losses)?;
    files::write(&out.join("loss.svg"), |file| file.write_all(svg.as_bytes()))?;
    if let Some(strip) = strip::strip(&for_strip, *size) {
        files::write(&out.join("strip.png"), |file| strip.encode(file))?;
    }
    say(format_args!("pictures in {}", out.display()))
}

/// A line for people.
fn say(line: std::fmt::Arguments<'_>) -> Result<()> {
    writeln!(io::stdout(), "{line}")
        .map_err(|error| Failure::file("standard output".as_ref(), error))
}
