//! Kinds of files of `shaders/` of which a kernel has one: all of a kind define the same functions, which
//! a comment in the first lines of one of them explains.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that take each other's place.
struct Kind {
    name: &'static str,
    /// The file whose first lines say what each function is for.
    interface: &'static str,
    must_define: &'static [&'static str],
    alternatives: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "what is read: factors",
        interface: "operand/broadcast.wgsl",
        must_define: &["operand_of_run", "operand4", "operand1"],
        alternatives: &["operand/broadcast.wgsl", "operand/absent.wgsl"],
    },
    Kind {
        name: "what is read: words",
        interface: "operand/read.wgsl",
        must_define: &["operand_at"],
        alternatives: &["operand/read.wgsl", "operand/absent.wgsl"],
    },
    Kind {
        name: "statistic",
        interface: "reduce/statistic/sum.wgsl",
        must_define: &[
            "pivot_of",
            "accumulator_new",
            "look_ahead",
            "take_ahead",
            "accumulate",
            "accumulator_is_unusual",
            "accumulator_meet",
            "term_is_far",
            "accumulate_far",
            "partial_of",
            "partial_empty",
            "partial_merge",
            "partial_words",
            "partial_from",
            "result_of",
        ],
        alternatives: &[
            "reduce/statistic/sum.wgsl",
            "reduce/statistic/weighted_mean.wgsl",
            "reduce/statistic/mean_and_variance.wgsl",
            "reduce/statistic/extremum.wgsl",
            "reduce/statistic/log_sum_exp.wgsl",
        ],
    },
    Kind {
        name: "what columns are cut into",
        interface: "reduce/parts.wgsl",
        must_define: &["row_range", "row_at", "output_piece", "merged_range"],
        alternatives: &["reduce/parts.wgsl", "reduce/segments.wgsl"],
    },
    Kind {
        name: "gradient of a reduction",
        interface: "reduce/gradient/sum.wgsl",
        must_define: &["value_gradient_of", "weight_gradient_of"],
        alternatives: &[
            "reduce/gradient/sum.wgsl",
            "reduce/gradient/log_sum_exp.wgsl",
            "reduce/gradient/none.wgsl",
        ],
    },
    Kind {
        name: "team of a reduction",
        interface: "reduce/team_lane.wgsl",
        must_define: &["main", "team_merge"],
        alternatives: &[
            "reduce/team_lane.wgsl",
            "reduce/team_subgroup.wgsl",
            "reduce/team_workgroup.wgsl",
        ],
    },
    Kind {
        name: "output of a reduction",
        interface: "reduce/output_partial.wgsl",
        must_define: &["emit"],
        alternatives: &["reduce/output_partial.wgsl", "reduce/output_result.wgsl"],
    },
    Kind {
        name: "run",
        interface: "reduce/run.wgsl",
        must_define: &["run_at", "elements_at"],
        alternatives: &["reduce/run.wgsl", "elementwise/run.wgsl"],
    },
    Kind {
        name: "column",
        interface: "reduce/column.wgsl",
        must_define: &["column_at", "terms_at"],
        alternatives: &["reduce/column.wgsl", "elementwise/column.wgsl"],
    },
    Kind {
        name: "what happens beside the terms",
        interface: "elementwise/counts.wgsl",
        must_define: &["begin_terms", "count4", "finish_terms"],
        alternatives: &["elementwise/counts.wgsl", "elementwise/uncounted.wgsl"],
    },
    Kind {
        name: "element-wise loss",
        interface: "elementwise/losses.wgsl",
        must_define: &["loss_of", "special_loss_of"],
        alternatives: &[
            "loss/binary.wgsl",
            "loss/entropies.wgsl",
            "loss/errors.wgsl",
            "loss/likelihoods.wgsl",
            "loss/sigmoid_focal.wgsl",
        ],
    },
];

/// The folders of `shaders/` whose files are counted.
const FOLDERS: &[&str] = &["elementwise", "loss", "operand", "reduce", "sum", "totals"];

/// Files there are at most in all of `shaders/`, but for the linked kernels.
const MOST_FILES: usize = 110;

/// Lines that a file has at least, unless its first lines say that it is `Shorter` and why.
const LEAST_LINES: usize = 5;

fn shaders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders")
}

fn text_of(path: &str) -> String {
    fs::read_to_string(shaders().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The comment that a file begins with.
fn first_lines(text: &str) -> String {
    text.lines().take_while(|line| line.starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a file of a folder").path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else if path.extension().is_some_and(|extension| extension == "wgsl") {
            files.push(path);
        }
    }
    files
}

#[test]
fn all_alternatives_define_what_their_kind_has() {
    for Kind { name, interface, must_define, alternatives } in KINDS {
        let explained = first_lines(&text_of(interface));
        for function in *must_define {
            // Operands have names of their own.
            let word = function.strip_prefix("operand").unwrap_or(function);
            assert!(explained.contains(word), "{name}: {interface} does not explain {function}");
            for path in *alternatives {
                let defined = text_of(path).matches(&format!("fn {function}(")).count();
                assert_eq!(defined, 1, "{name}: {function} in {path}");
            }
        }
    }
}

#[test]
fn there_are_few_files_and_none_is_short_without_a_reason() {
    let folders = FOLDERS.iter().map(|folder| shaders().join(folder));
    let files: Vec<_> = folders.flat_map(|folder| files_under(&folder)).collect();
    assert!(files.len() <= MOST_FILES, "{} files", files.len());
    for path in files {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let says_why = first_lines(&text).contains("Shorter");
        let lines = text.lines().count();
        assert!(lines >= LEAST_LINES || says_why, "{path:?} has {lines} lines");
    }
}
