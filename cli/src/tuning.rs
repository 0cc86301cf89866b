//! Where a measured tuning is kept, and finding it again.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use etcetera::BaseStrategy as _;
use wgpu_loss::Gpu;
use wgpu_loss::plan::TuningFile;
use wgpu_loss::wgpu::AdapterInfo;

use crate::failure::{Failure, Result};
use crate::output;

/// Names a tuning file; empty: none is wanted.
const VARIABLE: &str = "WGPU_LOSS_TUNING";

/// Longest part of a file's name, well below what file systems allow.
const LONGEST_NAME: usize = 160;

static IS_OFF: AtomicBool = AtomicBool::new(false);

/// No tuning file is looked for from now on.
pub fn turn_off() {
    IS_OFF.store(true, Ordering::Relaxed);
}

/// Where a tuning comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// Nowhere.
    None,
    /// The file that the user names, which has to be there.
    Named(PathBuf),
    /// The file that `tune` writes, if it did.
    Usual,
}

fn source(is_off: bool, variable: Option<OsString>) -> Source {
    match variable {
        _ if is_off => Source::None,
        Some(path) if path.is_empty() => Source::None,
        Some(path) => Source::Named(path.into()),
        None => Source::Usual,
    }
}

/// The same device with its measured tuning, and a note that says so, if there is one.
pub fn apply(gpu: Gpu) -> Result<Gpu> {
    let path = match source(IS_OFF.load(Ordering::Relaxed), env::var_os(VARIABLE)) {
        Source::None => return Ok(gpu),
        Source::Named(path) => path,
        // Where nobody has a home, nobody has a file.
        Source::Usual => match place(&gpu.adapter_info()) {
            Ok(path) if path.exists() => path,
            _ => return Ok(gpu),
        },
    };
    let file = TuningFile::load(&path)?;
    if let Some(difference) = file.difference(&gpu.adapter_info(), gpu.kernels().capabilities()) {
        output::note(format_args!("not used: the tuning {}: {difference}", path.display()));
        return Ok(gpu);
    }
    output::note(format_args!("tuned by {}", path.display()));
    Ok(gpu.with_tuning(file.tuning)?)
}

/// The file of an adapter in the user's configuration folder.
pub fn place(info: &AdapterInfo) -> Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy()
        .map_err(|error| Failure::Usage(format!("--out FILE is needed: {error}")))?;
    let AdapterInfo { name, driver, driver_info, backend, .. } = info;
    let name = format!("{name} {driver} {driver_info} {backend}");
    Ok(strategy.config_dir().join("wgpu-loss").join(file_name(&name)))
}

/// A name for people that every file system takes.
fn file_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let is_plain = |each: char| each.is_ascii_alphanumeric() || each == '.';
    let words = lower.split(|each| !is_plain(each)).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join("-").chars().take(LONGEST_NAME).collect();
    format!("{}.json", name.trim_matches('.'))
}

/// Makes the folder of a file, where there is none.
pub fn make_folder(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if folder != Path::new("") => std::fs::create_dir_all(folder)
            .map_err(|error| Failure::file(path, format_args!("cannot be written: {error}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_and_an_empty_variable_turns_it_off() {
        assert_eq!(source(true, Some("a.json".into())), Source::None);
        assert_eq!(source(false, Some("".into())), Source::None);
        assert_eq!(source(false, Some("a.json".into())), Source::Named("a.json".into()));
        assert_eq!(source(false, None), Source::Usual);
    }

    #[test]
    fn file_names_are_plain() {
        let name = "llvmpipe (LLVM 15.0.6, 256 bits) llvmpipe Mesa 22.3.6/../x vulkan";
        assert_eq!(
            file_name(name),
            "llvmpipe-llvm-15.0.6-256-bits-llvmpipe-mesa-22.3.6-..-x-vulkan.json"
        );
        assert_eq!(file_name("\u{0}../é"), ".json");
        assert!(file_name(&"x".repeat(1000)).len() < 200);
    }
}
