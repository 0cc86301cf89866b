//! The softmax of a row at a temperature.

use std::cell::Cell;

use crate::cpu::fast::scratch::room;
use crate::cpu::fast::softmax::Softmax;

/// Memory that a thread keeps from one row to the next.
#[derive(Default)]
pub(super) struct Room {
    /// Exponentials of the logits, and of the teacher's.
    pub(super) exps: [Vec<f32>; 2],
    /// Coefficients of every class.
    pub(super) coefficients: Vec<f32>,
}

thread_local! {
    static ROOM: Cell<Room> = Cell::default();
}

/// Calls with this thread's memory.
pub(super) fn with_room<T>(call: impl FnOnce(&mut Room) -> T) -> T {
    ROOM.with(|cell| {
        let mut room = cell.take();
        let result = call(&mut room);
        cell.set(room);
        result
    })
}

/// A row's softmax at a temperature `T`.
#[derive(Clone, Copy)]
pub(super) struct Softened {
    softmax: Softmax,
    /// The largest logit as it is stored.
    pub(super) maximum: f32,
    /// `r = sum_{j != argmax} exp((x_j - maximum) / T)`; NaN where the softmax is undefined.
    pub(super) rest: f64,
}

impl Softened {
    /// Leaves `exp((x_j - maximum) / T)` in `exps`. `scale` is `1 / T`.
    pub(super) fn of<'e>(row: &[f32], scale: f32, exps: &'e mut Vec<f32>) -> (Self, &'e mut [f32]) {
        let exps = room(exps, row.len());
        let softmax = Softmax::scaled_with_exps(row, scale, exps);
        let Softmax { maximum, rest, .. } = softmax;
        (Self { softmax, maximum, rest: rest.into() }, exps)
    }

    /// The place of the largest logit.
    pub(super) fn argmax(&self, row: &[f32]) -> usize {
        self.softmax.argmax(row)
    }

    pub(super) fn is_undefined(&self) -> bool {
        self.rest.is_nan()
    }

    /// `log sum_c exp((x_c - maximum) / T)`.
    pub(super) fn log_total(&self) -> f64 {
        self.rest.ln_1p()
    }

    pub(super) fn inverse_total(&self) -> f64 {
        1.0 / (1.0 + self.rest)
    }
}
