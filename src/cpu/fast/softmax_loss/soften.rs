//! The softmax of a row at a temperature.

use std::cell::Cell;

use pulp::{Simd, WithSimd};

use crate::cpu::fast::row_kernel::maximum;
use crate::cpu::fast::scratch::room;
use crate::cpu::fast::simd::dispatch;
use crate::cpu::fast::softmax::Softmax;

/// Memory that a thread keeps from one row to the next.
#[derive(Default)]
pub(super) struct Room {
    /// Exponentials of the logits, and of the teacher's.
    pub(super) exps: [Vec<f32>; 2],
    /// A row of logits at the temperature.
    pub(super) scaled: Vec<f32>,
    /// Coefficients of every class.
    pub(super) coefficients: Vec<f32>,
    /// The derivatives of terms, where there is no room for a gradient.
    pub(super) slopes: Vec<f32>,
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
    /// The largest logit as it is stored.
    pub(super) maximum: f32,
    /// The place of one.
    pub(super) argmax: usize,
    /// `r = sum_{j != argmax} exp((x_j - maximum) / T)`; NaN where the softmax is undefined.
    pub(super) rest: f64,
}

impl Softened {
    /// Leaves `exp((x_j - maximum) / T)` in `exps`. `scale` is `1 / T`.
    pub(super) fn of<'e>(
        row: &[f32],
        scale: f32,
        scaled: &mut Vec<f32>,
        exps: &'e mut Vec<f32>,
    ) -> (Self, &'e mut [f32]) {
        let exps = room(exps, row.len());
        let softmax = if scale == 1.0 {
            Softmax::with_exps(row, exps)
        } else {
            let scaled = room(scaled, row.len());
            // Beside a NaN, anything: all distances that matter are NaN then.
            dispatch(Distances { row, maximum: maximum(row).0, scale, scaled });
            Softmax::with_exps(scaled, exps)
        };
        let undefined = Self { maximum: f32::NAN, argmax: 0, rest: f64::NAN };
        if softmax.is_undefined() {
            return (undefined, exps);
        }
        let argmax = match scale == 1.0 {
            true => softmax.argmax(row),
            false => softmax.argmax(room(scaled, row.len())),
        };
        (Self { maximum: row[argmax], argmax, rest: softmax.rest.into() }, exps)
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

/// `(x - maximum) / T`.
struct Distances<'a> {
    row: &'a [f32],
    maximum: f32,
    scale: f32,
    scaled: &'a mut [f32],
}

impl WithSimd for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { row, maximum, scale, scaled } = self;
        for (scaled, &x) in scaled.iter_mut().zip(row) {
            *scaled = (x - maximum) * scale;
        }
    }
}
