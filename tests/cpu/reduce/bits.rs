//! What `cpu::Fast` promises about bits: none depends on the number of threads.

use super::agreement::STATISTICS;
use crate::Noise;
use wgpu_loss::{
    Axis, Engine, Logits, Reduce, ReduceOutput, Segments, Shape, Statistic, Upstream, Weights, cpu,
};

/// All numbers of an output.
fn bits(output: ReduceOutput) -> Vec<u32> {
    let ReduceOutput { values, variance, sign, denominator, gradient, weight_gradient } = output;
    let gradient = gradient.map(|gradient| gradient.into_f32());
    let others = [variance, sign, denominator, gradient, weight_gradient];
    let all = [Some(values)].into_iter().chain(others).flatten().flatten();
    all.map(f32::to_bits).collect()
}

/// The same bits on any number of threads.
#[track_caller]
fn assert_same(run: impl Fn() -> ReduceOutput + Sync) {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bits(run()))
    };
    let expected = on(1);
    assert!(!expected.is_empty());
    for threads in [2, 3, 7] {
        assert!(on(threads) == expected, "{threads} threads");
    }
}

#[test]
fn of_every_axis() {
    let mut noise = Noise(6);
    let shapes = [
        Shape::new(1, 100_003),
        Shape::new(100_003, 1),
        Shape::new(9001, 10),
        Shape::new(40, 2500),
        Shape::with_class_axis(2, 1300, 40),
    ];
    for shape in shapes {
        let x = noise.floats(shape.rows * shape.classes, -6.0, 6.0);
        let w = noise.floats(shape.rows * shape.classes, -1.0, 2.0);
        let values = Logits::from_values((&x[..]).into(), shape).unwrap();
        let of_all = Logits::from_values((&w[..]).into(), shape).unwrap();
        for statistic in STATISTICS {
            for axis in [Axis::EachRow, Axis::EachColumn, Axis::All] {
                let options = Reduce::new(statistic, axis);
                let weights = [Weights::PerElement(of_all), Weights::PerRow(&w[..shape.rows])];
                let weights = weights[noise.below(2)];
                assert_same(|| cpu::Fast.reduce(values, weights, &options).unwrap());
            }
        }
        for statistic in [Statistic::Mean, Statistic::LogSumExp] {
            let options = Reduce::new(statistic, Axis::All);
            let options = Reduce { weight_gradient: true, ..options };
            let weights = Weights::PerColumn(&w[..shape.classes]);
            let upstream = Upstream::Scalar(0.3);
            assert_same(|| {
                cpu::Fast.reduce_with_gradient(values, weights, upstream, &options).unwrap()
            });
        }
    }
}

#[test]
fn of_segments() {
    let mut noise = Noise(7);
    for (rows, columns) in [(60_000, 1), (6000, 20)] {
        let x = noise.floats(rows * columns, -6.0, 6.0);
        let values = Logits::new(&x, rows, columns).unwrap();
        let ids: Vec<i32> = (0..rows).map(|_| noise.below(30).min(7) as i32 - 1).collect();
        for statistic in STATISTICS {
            let options = Reduce::new(statistic, Axis::EachColumn);
            let segments = Segments::Ids { ids: &ids, segments: 7 };
            assert_same(|| {
                cpu::Fast.reduce_segments(values, segments, Weights::None, &options).unwrap()
            });
        }
    }
}
