//! Reductions of 2^26 values and more, on the GPU, where the results are known exactly.

#[path = "common/device.rs"]
mod device;

use std::sync::LazyLock;

use wgpu_loss::{Axis, Engine, Gpu, Logits, Reduce, ReduceOutput, Segments, Statistic, Weights};

/// Not whole vectors, not whole parts.
const COUNT: usize = (1 << 26) + 5;

static GPU: LazyLock<Gpu> = LazyLock::new(device::new_gpu);

/// Whole multiples of 2^-10, so that their sum is known to the last bit.
static VALUES: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..COUNT).map(|i| thousandths(i) as f32 / 1024.0).collect());

fn thousandths(i: usize) -> i64 {
    ((i as u32).wrapping_mul(2_654_435_761) >> 9) as i64 % 3_000_017 - 1_000_000
}

fn sum_of(range: impl Iterator<Item = usize>) -> f64 {
    range.map(thousandths).sum::<i64>() as f64 / 1024.0
}

fn reduce(rows: usize, columns: usize, options: &Reduce) -> ReduceOutput {
    let values = Logits::new(&VALUES[..rows * columns], rows, columns).expect("as many values");
    GPU.reduce(values, Weights::None, options).expect("a reduction")
}

/// Three stages: parts, groups of parts, and what is left of those.
#[test]
fn all_of_them_as_one_row() {
    let expected = sum_of(0..COUNT);
    for axis in [Axis::All, Axis::EachRow] {
        let out = reduce(1, COUNT, &Reduce::new(Statistic::Sum, axis));
        assert_eq!(out.values, [expected as f32], "{axis:?}");
    }
    let out = reduce(1, COUNT, &Reduce::new(Statistic::Mean, Axis::All));
    let mean = (expected / COUNT as f64) as f32;
    assert!((out.values[0] - mean).abs() <= mean.abs() * f32::EPSILON, "{}", out.values[0]);
    assert_eq!(out.denominator, Some(vec![COUNT as f32]));
}

#[test]
fn as_many_rows_of_one() {
    let out = reduce(COUNT, 1, &Reduce::new(Statistic::Sum, Axis::EachRow));
    assert!(out.values == *VALUES);
}

#[test]
fn eight_thousand_columns() {
    let side = 1 << 13;
    let out = reduce(side, side, &Reduce::new(Statistic::Sum, Axis::EachColumn));
    assert_eq!(out.values.len(), side);
    for column in (0..side).step_by(997) {
        let expected = sum_of((0..side).map(|row| row * side + column));
        assert_eq!(out.values[column], expected as f32, "column {column}");
    }
}

/// One segment of nearly all rows among short ones.
#[test]
fn a_segment_of_millions_of_rows() {
    let rows = 1 << 23;
    let offsets = [0, 1, 5, rows as u32 - 3, rows as u32];
    let values = Logits::new(&VALUES[..rows], rows, 1).expect("as many values");
    let options = Reduce::new(Statistic::Sum, Axis::EachColumn);
    let out = GPU
        .reduce_segments(values, Segments::Offsets(&offsets), Weights::None, &options)
        .expect("a segmented sum");
    for (range, found) in offsets.windows(2).zip(out.values) {
        assert_eq!(found, sum_of(range[0] as usize..range[1] as usize) as f32, "{range:?}");
    }
}
