//! Corner cases of reductions, by hand.

mod check;
mod nothing;
mod refusals;
mod row;
mod segments;
mod setting;
mod table;
mod upstream;

use wgpu_loss::{Element, Engine};

use crate::plan::{Extent, SHARES};
use row::Row;

pub use refusals::check as refusals;
pub use segments::check as segments;

/// Rows of the table.
const ROWS: usize = 162;

/// Every row of the table, reductions of nothing, and gradients of none.
pub fn check(engine: &dyn Engine, extent: Extent) {
    let rows = table::rows();
    // Every type of elements holds the values of an ordinary row.
    let is_alike = |one: &Row, other: &Row| {
        one.statistic == other.statistic
            && other.elements.len() == Element::ALL.len()
            && one.denominator == other.denominator
            && one.weights.is_some() == other.weights.is_some()
    };
    let (mut calls, mut failures) = (0, Vec::new());
    for (turn, row) in rows.iter().enumerate().filter(|(turn, _)| !extent.leaves_out(*turn)) {
        let neighbour = rows.iter().find(|other| is_alike(row, other)).unwrap_or(row);
        match check::check(engine, row, neighbour, extent, turn) {
            Ok(count) => calls += count,
            Err(failure) => failures.push(failure),
        }
    }
    let what = format!("{}: {} reductions, {calls} calls", engine.name(), rows.len());
    println!("{what}");
    assert!(failures.is_empty(), "{what}, wrong:\n{}", failures.join("\n"));
    let least = match extent {
        Extent::Turns { .. } => (rows.len() / SHARES) * 2, // two modes
        _ => 9000,
    };
    assert!(rows.len() == ROWS && calls >= least, "{what}, at least {least}");
    nothing::check(engine);
    upstream::check(engine);
}
