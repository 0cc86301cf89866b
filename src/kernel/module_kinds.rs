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
        name: "load of an operand",
        interface: "element/load_vector.wgsl",
        must_define: &["operand_load4", "operand_load1"],
        alternatives: &[
            "element/load_vector.wgsl",
            "element/load_scalar.wgsl",
            "operand/absent.wgsl",
        ],
    },
    Kind {
        name: "words of an operand",
        interface: "element/words_plain.wgsl",
        must_define: &["operand_word"],
        alternatives: &[
            "element/words_plain.wgsl",
            "element/words_shared.wgsl",
            "tile/fill_f32.wgsl",
            "tile/fill_half.wgsl",
        ],
    },
    Kind {
        name: "store of an operand",
        interface: "element/store_vector.wgsl",
        must_define: &["operand_store4"],
        alternatives: &[
            "element/store_vector.wgsl",
            "element/store_f32_scalar.wgsl",
            "element/store_half_scalar.wgsl",
            "operand/absent.wgsl",
        ],
    },
    Kind {
        name: "layout",
        interface: "layout/rows.wgsl",
        must_define: &["row_start", "element_at"],
        alternatives: &["layout/rows.wgsl", "layout/strided.wgsl", "tile/rows.wgsl"],
    },
    Kind {
        name: "team of a row",
        interface: "team/alone.wgsl",
        must_define: &["team_merge", "team_lowest", "team_sum", "team_or", "team_count"],
        alternatives: &[
            "team/alone.wgsl",
            "team/subgroup.wgsl",
            "team/subgroups.wgsl",
            "team/workgroup.wgsl",
        ],
    },
    Kind {
        name: "what is gone over",
        interface: "family/reduced.wgsl",
        must_define: &["run"],
        alternatives: &[
            "family/reduced.wgsl",
            "family/from_state.wgsl",
            "family/gathered.wgsl",
            "softmax_loss/run.wgsl",
        ],
    },
    Kind {
        name: "what the order of logits tells",
        interface: "order.wgsl",
        must_define: &["argmax_see", "target_rank_see"],
        alternatives: &["order.wgsl", "family/from_state.wgsl"],
    },
    Kind {
        name: "tile to memory",
        interface: "tile/fill_f32.wgsl",
        must_define: &["tile_fill"],
        alternatives: &["tile/fill_f32.wgsl", "tile/fill_half.wgsl"],
    },
    Kind {
        name: "tile from memory",
        interface: "tile/empty_f32.wgsl",
        must_define: &["tile_empty"],
        alternatives: &["tile/empty_f32.wgsl", "tile/empty_half.wgsl", "gradient/none.wgsl"],
    },
    Kind {
        name: "target",
        interface: "target/of_row.wgsl",
        must_define: &["row_target"],
        alternatives: &["target/of_row.wgsl", "target/merged.wgsl"],
    },
    Kind {
        name: "results of a row",
        interface: "log_sum_exp.wgsl",
        must_define: &["row_close", "target_rank_write"],
        alternatives: &["log_sum_exp.wgsl", "cross_entropy/results.wgsl"],
    },
    Kind {
        name: "words of a row",
        interface: "record/none.wgsl",
        must_define: &["record_write"],
        alternatives: &["record/none.wgsl", "record/write.wgsl"],
    },
    Kind {
        name: "state that is written",
        interface: "saved_state/none.wgsl",
        must_define: &["state_save", "state_save_argmax", "state_save_rank", "state_save_merged"],
        alternatives: &[
            "saved_state/none.wgsl",
            "saved_state/pair.wgsl",
            "saved_state/partial.wgsl",
        ],
    },
    Kind {
        name: "state that is read",
        interface: "saved_state/none.wgsl",
        must_define: &["state_read"],
        alternatives: &["saved_state/pair_read.wgsl", "saved_state/partial_read.wgsl"],
    },
    Kind {
        name: "sums beside the softmax's",
        interface: "moment/entropy.wgsl",
        must_define: &[
            "moment_of",
            "moment_add",
            "moment_join",
            "moment_refined_of",
            "moment_refine",
            "moment_at",
        ],
        alternatives: &["moment/entropy.wgsl", "moment/upstream.wgsl"],
    },
    Kind {
        name: "terms of the classes",
        interface: "terms/none.wgsl",
        must_define: &["terms_see", "terms_at", "terms_flags"],
        alternatives: &["terms/none.wgsl", "terms/all.wgsl"],
    },
    Kind {
        name: "where a gradient goes",
        interface: "gradient/separate.wgsl",
        must_define: &["gradient_start"],
        alternatives: &["gradient/separate.wgsl", "gradient/in_place.wgsl", "gradient/none.wgsl"],
    },
    Kind {
        name: "gradient of a row",
        interface: "gradient/none.wgsl",
        must_define: &["gradient_from_block", "gradient_from_logits", "gradient_constant"],
        alternatives: &["gradient/none.wgsl", "gradient/write.wgsl"],
    },
    Kind {
        name: "gradient of an operation",
        interface: "softmax/of_rows.wgsl",
        must_define: &["row_gradient", "gradient_values"],
        alternatives: &[
            "softmax/of_rows.wgsl",
            "softmax/gradient.wgsl",
            "cross_entropy/gradient.wgsl",
        ],
    },
    Kind {
        name: "loss of a row",
        interface: "softmax_loss/of_class.wgsl",
        must_define: &["row_finish"],
        alternatives: &["softmax_loss/of_class.wgsl", "softmax_loss/of_terms.wgsl"],
    },
    Kind {
        name: "what a row is compared with",
        interface: "softmax_loss/targets.wgsl",
        must_define: &["terms4", "others_block", "others_refined", "row_shift"],
        alternatives: &["softmax_loss/targets.wgsl", "softmax_loss/teacher.wgsl"],
    },
    Kind {
        name: "loss of four classes",
        interface: "row_loss/kl_divergence.wgsl",
        must_define: &["row_loss"],
        alternatives: &[
            "row_loss/focal.wgsl",
            "row_loss/jensen_shannon.wgsl",
            "row_loss/kl_divergence.wgsl",
        ],
    },
    Kind {
        name: "divergence of four classes",
        interface: "row_loss/kl_divergence.wgsl",
        must_define: &["without_class", "beyond_numbers"],
        alternatives: &["row_loss/jensen_shannon.wgsl", "row_loss/kl_divergence.wgsl"],
    },
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

/// Files there are at most in all of `shaders/`, but for the linked kernels.
const MOST_FILES: usize = 135;

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
    let mut files = files_under(&shaders());
    files.retain(|path| !path.starts_with(shaders().join("linked")));
    assert!(files.len() <= MOST_FILES, "{} files", files.len());
    for path in files {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let says_why = first_lines(&text).contains("Shorter");
        let lines = text.lines().count();
        assert!(lines >= LEAST_LINES || says_why, "{path:?} has {lines} lines");
    }
}
