//! `adapters`: what wgpu finds on this machine.

use std::process::ExitCode;

use serde::Serialize;
use wgpu_loss::runtime;

use crate::arguments::AdaptersOptions;
use crate::device::{self, Description};
use crate::failure::Result;
use crate::output::{self, Output};

#[derive(Serialize)]
struct Listing {
    adapters: Vec<Description>,
}

/// Lists the adapters, only those whose name contains `adapter` where it is given.
pub fn run(adapter: Option<&str>, options: &AdaptersOptions, out: &mut Output) -> Result<ExitCode> {
    let mut adapters: Vec<_> = runtime::adapters().iter().map(Description::of_adapter).collect();
    if let Some(part) = adapter {
        let part = part.to_lowercase();
        adapters.retain(|description| description.name.to_lowercase().contains(&part));
    }
    if adapters.is_empty() {
        // The library's error says how to get an adapter, so it is asked for one.
        if let Err(error) = device::find(adapter)? {
            output::note(error);
        }
    }
    if options.json {
        out.json(&Listing { adapters })?;
        return Ok(ExitCode::SUCCESS);
    }
    for (index, description) in adapters.iter().enumerate() {
        if index > 0 {
            out.line("")?;
        }
        out.line(console::style(&description.name).bold())?;
        description.print(out)?;
    }
    Ok(ExitCode::SUCCESS)
}
