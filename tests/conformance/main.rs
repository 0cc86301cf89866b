//! The test cases of other projects, and float64 PyTorch's gradients for them, on every engine.
//!
//! The suites lie in `suites`, beside a description of their format. `WGPU_LOSS_CONFORMANCE` may
//! name a folder of further suites of that format; they are run as well.

mod call;
mod compare;
mod elementwise;
mod focal;
mod generate;
mod layout;
#[path = "../common/parts.rs"]
mod parts;
mod probe;
mod problem;
mod reduction;
mod report;
mod suite;
mod tensor;
mod upstream;
mod yardstick;

use std::sync::OnceLock;

use parts::Parts;
use problem::LOG_SUM_EXP_AS_REDUCTION;
use report::Report;
use suite::{Suite, suites};
use wgpu_loss::{Engine, cpu};

/// What is tested of the suites, and how many cases of it those beside this file have.
const CASES: [(&str, usize); 15] = [
    ("cross_entropy", 154),
    ("logsumexp", 46),
    ("softmax", 35),
    ("log_softmax", 41),
    ("nll_loss", 18),
    ("softmax_focal_loss", 11),
    ("reduce_sum", 31),
    ("reduce_mean", 84),
    ("weighted_logsumexp", 19),
    ("bce_with_logits", 58),
    ("sigmoid_focal_loss", 19),
    ("kl_div", 43),
    ("mse_loss", 21),
    ("poisson_nll_loss", 14),
    ("gaussian_nll_loss", 5),
];

/// Read once for all tests.
fn all_suites() -> &'static [Suite] {
    static SUITES: OnceLock<Vec<Suite>> = OnceLock::new();
    SUITES.get_or_init(suites)
}

/// Every case of an operation in every suite.
fn run(engine: &dyn Engine, op: &str) {
    run_as(engine, op, op);
}

/// The same through another operation of the crate, as [`Problem`](problem::Problem) calls it.
fn run_as(engine: &dyn Engine, op: &str, called: &str) {
    let mut report = Report::default();
    let (mut cases, mut own) = (0, 0);
    for suite in all_suites() {
        suite.for_each(op, |case| report.run(engine, case, called));
        cases += suite.count(op);
        own += if suite.own { suite.count(op) } else { 0 };
    }
    let known = CASES.iter().find(|(name, _)| *name == op).map(|(_, count)| *count);
    assert_eq!(Some(own), known, "cases of {op} beside this file");
    assert_eq!(report.cases, cases, "cases of {op} that were run");
    report.check(&format!("{}, {called}", engine.name()));
}

/// A module with a test for each operation on an engine.
macro_rules! on_engine {
    ($name:ident, $engine:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn cross_entropy() {
                run($engine, "cross_entropy");
            }

            #[test]
            fn cross_entropy_in_parts() {
                run(&Parts($engine), "cross_entropy");
            }

            #[test]
            fn log_sum_exp() {
                run($engine, "logsumexp");
            }

            #[test]
            fn softmax() {
                run($engine, "softmax");
            }

            #[test]
            fn log_softmax() {
                run($engine, "log_softmax");
            }

            #[test]
            fn negative_log_likelihood() {
                run($engine, "nll_loss");
            }

            #[test]
            fn softmax_focal_loss() {
                run($engine, "softmax_focal_loss");
            }

            #[test]
            fn reduce_sum() {
                run($engine, "reduce_sum");
            }

            #[test]
            fn reduce_mean() {
                run($engine, "reduce_mean");
            }

            #[test]
            fn weighted_log_sum_exp() {
                run($engine, "weighted_logsumexp");
            }

            #[test]
            fn log_sum_exp_as_reduction() {
                run_as($engine, "logsumexp", LOG_SUM_EXP_AS_REDUCTION);
            }
        }
    };
}

/// The same of element-wise losses.
macro_rules! elementwise_on_engine {
    ($name:ident, $engine:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn binary_cross_entropy() {
                run($engine, "bce_with_logits");
            }

            #[test]
            fn sigmoid_focal() {
                run($engine, "sigmoid_focal_loss");
            }

            #[test]
            fn kl_divergence() {
                run($engine, "kl_div");
            }

            #[test]
            fn squared_error() {
                run($engine, "mse_loss");
            }

            #[test]
            fn likelihoods() {
                run($engine, "poisson_nll_loss");
                run($engine, "gaussian_nll_loss");
            }
        }
    };
}

on_engine!(oracle, &cpu::Oracle);
on_engine!(fast, &cpu::Fast);
elementwise_on_engine!(elementwise_oracle, &cpu::Oracle);
elementwise_on_engine!(elementwise_fast, &cpu::Fast);

mod gpu;
#[path = "../common/gpus.rs"]
mod gpus;
