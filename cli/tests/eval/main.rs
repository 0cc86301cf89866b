//! `eval` on files made here, on the CPU engines: numbers worked out apart from the library, every
//! option, every element type, every layout, and everything that is refused.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod elements;
mod elementwise;
mod files;
mod layout;
mod options;
mod reduce;
mod refused;
mod rows;
mod several;
mod softmax;
mod softmax_loss;
mod targets;
mod written;

use common::{Run, run};

const ENGINES: [&str; 2] = ["cpu", "oracle"];

/// The loss of the row (2, 0) with target 0: log(1 + e^-2).
const AHEAD_BY_2: f64 = 0.126_928_011_043;
/// The loss of the row (0, 3) with target 1: log(1 + e^-3).
const AHEAD_BY_3: f64 = 0.048_587_351_574;

fn cross_entropy(arguments: &[&str]) -> Run {
    run(&[&["eval", "cross-entropy"], arguments].concat())
}

/// Evaluates with further arguments, separated by spaces, on both CPU engines.
#[track_caller]
fn on_both(file: &str, arguments: &str, check: impl Fn(&serde_json::Value)) {
    on_both_of("cross-entropy", file, arguments, check);
}

/// The same of any operation.
#[track_caller]
fn on_both_of(operation: &str, file: &str, arguments: &str, check: impl Fn(&serde_json::Value)) {
    for engine in ENGINES {
        let mut all = vec!["eval", operation, file, "--device", engine, "--json"];
        all.extend(arguments.split_whitespace());
        check(&run(&all).json());
    }
}
