//! Memory that a thread keeps from one row to the next.

use std::cell::Cell;

use bytemuck::Zeroable;

use super::short_rows::Column;
use crate::error::Result;
use crate::memory;

/// Rows in `f32`, where they are not so in the caller's memory.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) logits: Vec<f32>,
    pub(super) slopes: Vec<f32>,
    /// Probabilities, or an upstream gradient: what comes with the logits.
    pub(super) others: Vec<f32>,
    pub(super) gradient: Vec<f32>,
    /// Each row's argmax, and its target's rank.
    pub(super) places: [Vec<usize>; 2],
    /// Many short rows, class by class.
    pub(super) columns: Vec<Column>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
    static LOSSES: Cell<Vec<f32>> = Cell::default();
}

/// A number for each row that nobody asked for, holding anything: kept from one call to the next.
pub(super) fn take_losses(operation: &'static str, rows: usize) -> Result<Vec<f32>> {
    let mut losses = LOSSES.take();
    if rows > losses.capacity() {
        losses = memory::reserved(operation, rows)?;
    }
    losses.resize(rows, 0.0);
    Ok(losses)
}

/// Gives them back.
pub(super) fn keep_losses(losses: Vec<f32>) {
    LOSSES.set(losses);
}

/// Calls with this thread's memory.
pub(super) fn with_scratch<T>(call: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with(|cell| {
        let mut scratch = cell.take();
        let result = call(&mut scratch);
        cell.set(scratch);
        result
    })
}

/// The first `len` elements, which hold anything.
pub(super) fn room<T: Zeroable + Copy>(values: &mut Vec<T>, len: usize) -> &mut [T] {
    if values.len() < len {
        values.resize(len, T::zeroed());
    }
    &mut values[..len]
}
