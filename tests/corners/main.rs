//! Every corner case of the table, by hand: on every CPU engine and on the device, with every element
//! type and layout, and with so many classes that every family of kernels meets it. The ways a device
//! computes share the rows, unless `WGPU_LOSS_EVERY_CORNER` asks for the whole product.

mod batches;
mod check;
mod expect;
#[path = "../common/parts.rs"]
mod parts;
mod plan;
mod reduction;
mod refusals;
mod row;
mod softmax;
mod table;
mod textbook;
mod widen;

use parts::Parts;
use plan::{Extent, SHARES};
use wgpu_loss::{Engine, cpu};

/// Every row of the table. `ranks`: the engine knows a target's rank, which parts of rows do not.
fn every_row(engine: &dyn Engine, extent: Extent, ranks: bool) {
    let rows = table::rows();
    let (mut calls, mut failures) = (0, Vec::new());
    for (turn, row) in rows.iter().enumerate().filter(|(turn, _)| !extent.leaves_out(*turn)) {
        match check::check(engine, row, extent, turn, ranks) {
            Ok(count) => calls += count,
            Err(failure) => failures.push(failure),
        }
    }
    let what = format!("{}: {} rows of the table, {calls} calls", engine.name(), rows.len());
    println!("{what}");
    assert!(failures.is_empty(), "{what}, wrong:\n{}", failures.join("\n"));
    let least = match extent {
        Extent::Turns { .. } => (rows.len() / SHARES) * 2, // two modes
        Extent::EveryFamily => 6 * 2 * rows.len() * 4,     // with and without a gradient
        Extent::Full | Extent::Medium => 15_000,
    };
    assert!(rows.len() == 121 && calls >= least, "{what}, at least {least}");
}

/// A module with a test for each part of the table on an engine.
macro_rules! on_engine {
    ($name:ident, $engine:expr, $extent:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn rows_of_cross_entropy() {
                every_row($engine, $extent, true);
            }

            #[test]
            fn batches_of_cross_entropy() {
                batches::check($engine, $extent);
            }

            #[test]
            fn log_sum_exp_and_softmax() {
                softmax::check($engine, $extent);
            }

            #[test]
            fn calls_to_refuse() {
                refusals::check($engine);
            }

            #[test]
            fn reductions() {
                reduction::check($engine, $extent);
            }

            #[test]
            fn reductions_of_segments() {
                reduction::segments($engine);
            }

            #[test]
            fn reductions_to_refuse() {
                reduction::refusals($engine);
            }
        }
    };
}

/// The same with the classes in parts, whose states are merged.
macro_rules! in_parts_on_engine {
    ($name:ident, $engine:expr, $extent:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn rows_of_cross_entropy() {
                every_row(&Parts($engine), $extent, false);
            }

            #[test]
            fn batches_of_cross_entropy() {
                batches::check(&Parts($engine), $extent);
            }
        }
    };
}

on_engine!(oracle, &cpu::Oracle, Extent::Medium);
on_engine!(fast, &cpu::Fast, Extent::Full);
in_parts_on_engine!(oracle_in_parts, &cpu::Oracle, Extent::Medium);
in_parts_on_engine!(fast_in_parts, &cpu::Fast, Extent::Medium);

mod gpu;
#[path = "../common/gpus.rs"]
mod gpus;
