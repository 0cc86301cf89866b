//! Which tests a lane runs.

use std::ffi::OsString;

use crate::commands::{Step, cargo, workspace};

/// What a lane runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// Some of the tests: each operation, option and kernel family on little data.
    Quick,
    /// Every test that needs a device.
    Full,
}

/// The file of tests that says which device a lane runs on.
const DEVICE: &str = "lane";

/// Its tests.
const DEVICE_TESTS: [&str; 2] = ["a_device_too_small", "the_device_is_what_the_lane_says"];

/// The files of tests that need a device, but for the program's, which has a device of its own.
const FILES: [&str; 19] = [
    "asynchronous",
    "conformance",
    "corners",
    "digests",
    "elementwise",
    "embed_example",
    "embedded",
    "families",
    "far_sums",
    "long_rows",
    "many_values",
    "mutants",
    "plans",
    "porting",
    "properties",
    "softmax_gradient",
    "softmax_losses",
    "streaming",
    "tuning_file",
];

/// The tests of [`Grid::Quick`], by parts of their names.
const QUICK: [(&str, &[&str]); 8] = [
    ("asynchronous", &["futures_", "a_dropped_future"]),
    (
        "conformance",
        &[
            "gpu::fused::cross_entropy",
            "gpu::fused::log_s",
            "gpu::fused::negative_log_likelihood",
            "gpu::fused::reduce_",
            "gpu::fused::softmax",
            "gpu::fused::weighted_log_sum_exp",
        ],
    ),
    ("corners", &["gpu::fused::calls_to_refuse", "gpu::fused::log_sum_exp_and_softmax"]),
    (
        "elementwise",
        &["a_loss_of_the_callers", "nothing_has_sums", "special_sums", "sums_keep_infinities"],
    ),
    ("embed_example", &["the_loss_falls"]),
    ("embedded", &["errors::"]),
    ("long_rows", &["two_to_the_24"]),
    ("streaming", &["a_batch_larger_than_any_buffer", "probabilities_come_in_pieces"]),
];

/// What runs on the CPU alone in [`FILES`], by parts of names: no lane changes it.
const WITHOUT_A_DEVICE: [&str; 5] =
    ["fast::", "fast_in_parts::", "oracle::", "oracle_in_parts::", "the_cpu_"];

impl Grid {
    /// Files of tests.
    fn files(self) -> Vec<&'static str> {
        match self {
            Self::Full => FILES.to_vec(),
            Self::Quick => QUICK.iter().map(|(file, _)| *file).collect(),
        }
    }

    /// Parts of the names of tests; none: all of them.
    pub fn tests(self) -> Vec<&'static str> {
        match self {
            Self::Full => Vec::new(),
            Self::Quick => {
                let tests = QUICK.iter().flat_map(|(_, tests)| tests.iter().copied());
                let mut tests: Vec<_> = tests.chain(DEVICE_TESTS).collect();
                tests.sort_unstable();
                tests.dedup();
                tests
            }
        }
    }

    /// The command that runs them with these variables.
    pub fn step(self, variables: Vec<(&'static str, OsString)>) -> Step {
        let mut step = Step::new(cargo()).arguments([
            "test",
            "--workspace",
            "--no-fail-fast",
            "--test",
            DEVICE,
        ]);
        for file in self.files() {
            step = step.arguments(["--test", file]);
        }
        step = step.arguments(["--", "--show-output"]).arguments(self.tests()).folder(&workspace());
        for test in WITHOUT_A_DEVICE {
            step = step.arguments(["--skip", test]);
        }
        variables.into_iter().fold(step, |step, (name, value)| step.variable(name, value))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The Rust files of one file of tests, which may be a folder.
    fn sources(path: &Path) -> Vec<String> {
        let read = |path: &Path| fs::read_to_string(path).expect("a source");
        if path.is_file() {
            return vec![read(path)];
        }
        let entries = fs::read_dir(path).expect("a folder of tests/");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.is_file()).map(|path| read(&path)).collect()
    }

    #[test]
    fn every_file_that_needs_a_device_is_in_the_full_grid() {
        let makes_one = ["common/device.rs\"]", "common/gpus.rs\"]", "examples/embed.rs\"]"];
        let mut found = Vec::new();
        for entry in fs::read_dir(workspace().join("tests")).expect("tests/") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let is_other = name == DEVICE || name == "common";
            let has = |text: &String| makes_one.iter().any(|part| text.contains(part));
            if !is_other && sources(&path).iter().any(has) {
                found.push(name);
            }
        }
        found.sort();
        assert_eq!(found, FILES);
        assert!(QUICK.iter().all(|(file, _)| FILES.contains(file)));
    }

    #[test]
    fn a_lane_is_one_command() {
        let variables = vec![("WGPU_BACKEND", "gl".into())];
        let text = Grid::Full.step(variables.clone()).to_string();
        assert!(text.starts_with("WGPU_BACKEND=gl cargo"), "{text}");
        assert!(
            text.contains(" test --workspace --no-fail-fast --test lane --test asynchronous "),
            "{text}"
        );
        assert!(text.contains(" --test tuning_file -- --show-output --skip fast::"), "{text}");
        let text = Grid::Quick.step(variables).to_string();
        assert!(text.contains(" --test streaming "), "{text}");
        assert!(text.contains(" probabilities_come_in_pieces"), "{text}");
    }
}
