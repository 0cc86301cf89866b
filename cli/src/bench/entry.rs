//! What was measured, as the tables and the files have it.

use serde::Serialize;
use wgpu_loss::{Element, Shape};

use super::ceiling::{self, Traffic};
use super::timing::Timing;

/// One measured number; one line of CSV.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The operation.
    pub op: &'static str,
    /// The same in tables.
    #[serde(skip)]
    pub label: &'static str,
    /// The kernel family, or how many kernels a reduction takes; none on the CPU.
    pub family: Option<String>,
    /// What computed.
    pub engine: &'static str,
    /// The type of the logits, or of values and weights.
    pub element: &'static str,
    /// Number of rows; with rows side by side, of all of them.
    pub rows: usize,
    /// Number of classes, or columns.
    pub classes: usize,
    /// Rows that lie side by side: the `inner` of `(outer, classes, inner)`.
    pub inner: usize,
    /// The median.
    pub milliseconds: f64,
    /// Largest minus smallest, relative to the median.
    pub spread: f64,
    /// Runs that the median is of.
    pub runs: usize,
    /// The least bytes that the operation can move.
    pub least_bytes: u64,
    /// Of the least bytes.
    pub gigabytes_per_second: f64,
    /// What a read, copy or change in place by the same engine moved beside it.
    pub ceiling_gigabytes_per_second: Option<f64>,
    /// Relative to that.
    pub fraction_of_ceiling: Option<f64>,
    /// The clock.
    pub timer: &'static str,
}

/// The engine name of entries that the adapter computed.
pub const GPU: &str = "gpu";

/// The engine name of entries that the CPU computed.
pub const CPU: &str = "cpu::Fast";

/// What entries are relative to, where it was measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ceilings<'a> {
    /// The adapter's.
    pub gpu: Option<&'a ceiling::Ceilings>,
    /// The CPU's.
    pub host: Option<&'a ceiling::Ceilings>,
}

/// An operation on one shape, whatever computes it.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Its name.
    pub op: &'static str,
    /// The same in tables.
    pub label: &'static str,
    /// The shape and type.
    pub shape: Shape,
    /// The least bytes that it can move.
    pub least_bytes: u64,
    /// What its ceiling does.
    pub traffic: Traffic,
}

impl Measured {
    /// The adapter's time.
    pub fn on_gpu(
        self,
        ceilings: Option<&ceiling::Ceilings>,
        family: String,
        timing: Timing,
        timer: &'static str,
    ) -> Entry {
        Entry { family: Some(family), timer, ..self.entry(GPU, ceilings, timing) }
    }

    /// The CPU's.
    pub fn on_cpu(self, ceilings: Option<&ceiling::Ceilings>, timing: Timing) -> Entry {
        self.entry(CPU, ceilings, timing)
    }

    fn entry(
        self,
        engine: &'static str,
        ceilings: Option<&ceiling::Ceilings>,
        timing: Timing,
    ) -> Entry {
        let Self { op, label, shape, least_bytes, traffic } = self;
        let gigabytes_per_second = least_bytes as f64 / timing.seconds.max(1e-12) / 1e9;
        let ceiling = ceilings.map(|ceilings| ceilings.of(traffic).gigabytes_per_second);
        Entry {
            op,
            label,
            family: None,
            engine,
            element: shape.element.name(),
            rows: shape.rows,
            classes: shape.classes,
            inner: shape.inner,
            milliseconds: 1e3 * timing.seconds,
            spread: timing.spread,
            runs: timing.runs,
            least_bytes,
            gigabytes_per_second,
            ceiling_gigabytes_per_second: ceiling,
            fraction_of_ceiling: ceiling.map(|it| gigabytes_per_second / it.max(1e-12)),
            timer: "wall clock",
        }
    }
}

/// Sizes and type, for people.
pub fn name(shape: Shape) -> String {
    let Shape { rows, classes, inner, element, .. } = shape;
    let sizes = match inner {
        1 => format!("{rows} x {classes}"),
        _ => format!("{} x {classes} x {inner}", shape.outer()),
    };
    match element {
        Element::F32 => sizes,
        _ => format!("{sizes} {}", element.name()),
    }
}
