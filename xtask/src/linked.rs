//! The kernels of `shaders/linked`, written anew by the command in the first line of each.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::commands::{Step, cargo, workspace};
use crate::note;

/// What the first line of each begins with.
const COMMAND: &str = "// wgpu-loss wgsl ";

/// Writes all of them; exit code 1 where one cannot be.
pub fn run() -> ExitCode {
    match rewrite(&workspace().join("shaders").join("linked")) {
        Ok(changed) if changed.is_empty() => {
            note("shaders/linked is as it should be");
            ExitCode::SUCCESS
        }
        Ok(changed) => {
            note(&format!("written anew: {}", changed.join(", ")));
            ExitCode::SUCCESS
        }
        Err(message) => {
            note(&message);
            ExitCode::FAILURE
        }
    }
}

/// The names of those that are others now.
fn rewrite(folder: &Path) -> Result<Vec<String>, String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut changed = Vec::new();
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(said)? {
        paths.push(entry.map_err(said)?.path());
    }
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(said)?;
        let command = text.lines().next().unwrap_or_default();
        let Some(arguments) = command.strip_prefix(COMMAND) else {
            let path = path.display();
            return Err(format!("{path}: expected its command in the first line, {COMMAND:?}"));
        };
        let step = Step::new(cargo())
            .folder(&workspace())
            .arguments(["run", "--quiet", "--package", "wgpu-loss-cli", "--", "wgsl"])
            .arguments(arguments.split_whitespace());
        let output = step.output().map_err(|error| format!("{step}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{step}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let found = format!("{command}\n{}", String::from_utf8_lossy(&output.stdout));
        if found != text {
            fs::write(&path, found).map_err(said)?;
            changed.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    Ok(changed)
}
