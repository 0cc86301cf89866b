//! `roofline`: verification and the whole benchmark, into a folder of the adapter's.

use std::process::ExitCode;

use wgpu_loss_verify::Extent;

use crate::arguments::RooflineOptions;
use crate::bench::{self, Bench, Files, Form};
use crate::device::{self, Description};
use crate::failure::{Failure, Result};
use crate::output::{self, Output};
use crate::pending::Pending;
use crate::verify;

/// Verifies, measures and writes; exit code 1, and no times, where a kernel is wrong.
pub fn run(adapter: Option<&str>, options: &RooflineOptions, out: &mut Output) -> Result<ExitCode> {
    let gpu = device::find(adapter)??;
    let description = Description::of_gpu(&gpu);
    let folder = options.out.join(folder_name(&description.name, &description.backend));
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    let mut files = Files::default();
    for (form, name) in
        [(Form::Json, "bench.json"), (Form::Csv, "bench.csv"), (Form::Svg, "bench.svg")]
    {
        files.add(form, &folder.join(name))?;
    }

    let (report, elapsed) = verify::check(&gpu, Extent::Quick)?;
    let json = verify::json(&gpu, Some(&description), Extent::Quick, &report, elapsed)?;
    Pending::create(&folder.join("verify.json"))?.fill(|to| to.write_all(json.as_bytes()))?;
    verify::summary(&report, elapsed, out)?;
    if report.failed > 0 {
        output::note("kernels that are wrong are not timed");
        return Ok(ExitCode::FAILURE);
    }
    out.line("")?;
    bench::measure(Some(&mut Bench::new(gpu)?), &options.grid, files, out)?;
    out.line(format_args!("\nwritten to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// `llvmpipe (LLVM 15.0.6, 256 bits)` on Vulkan: `llvmpipe-vulkan`. What stands in brackets is the
/// driver's version or the chip's number, and changes with updates.
fn folder_name(adapter: &str, backend: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for letter in adapter.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            letter if depth == 0 => kept.push(letter.to_ascii_lowercase()),
            _ => {}
        }
    }
    if !kept.contains(|letter: char| letter.is_ascii_alphanumeric()) {
        kept = adapter.to_ascii_lowercase();
    }
    let text = format!("{kept} {backend}");
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::folder_name;

    #[test]
    fn folders_are_named_after_adapters() {
        let cases = [
            ("llvmpipe (LLVM 15.0.6, 256 bits)", "vulkan", "llvmpipe-vulkan"),
            ("AMD Radeon RX 7900 XTX (RADV NAVI31)", "vulkan", "amd-radeon-rx-7900-xtx-vulkan"),
            ("Intel(R) Iris(R) Xe Graphics", "dx12", "intel-iris-xe-graphics-dx12"),
            ("../../x", "gl", "x-gl"),
            ("(unknown)", "gl", "unknown-gl"),
            ("é", "metal", "metal"),
        ];
        for (adapter, backend, folder) in cases {
            assert_eq!(folder_name(adapter, backend), folder);
        }
    }
}
