//! Reductions of segments.

use super::agreement::STATISTICS;
use super::every_weighting;
use crate::{ENGINES, Noise};
use wgpu_loss::{
    Axis, Element, Engine, Logits, Mode, OwnedValues, Reduce, Segments, Shape, Statistic, Weights,
    cpu,
};
use wgpu_loss_verify::check_reduce_segments;

fn options(statistic: Statistic) -> Reduce {
    Reduce::new(statistic, Axis::EachColumn)
}

fn sums(engine: &dyn Engine, values: &[f32], columns: usize, segments: Segments<'_>) -> Vec<f32> {
    let values = Logits::new(values, values.len() / columns, columns).unwrap();
    let options = options(Statistic::Sum);
    engine.reduce_segments(values, segments, Weights::None, &options).unwrap().values
}

#[test]
fn by_offsets() {
    let values = [1.0, 10.0, 2.0, 20.0, 4.0, 40.0, 8.0, 80.0];
    let cases: [(&[u32], &[f32]); 7] = [
        (&[0], &[]),
        (&[4], &[]),
        (&[0, 4], &[15.0, 150.0]),
        (&[0, 1, 4], &[1.0, 10.0, 14.0, 140.0]),
        (&[1, 2, 2, 3], &[2.0, 20.0, 0.0, 0.0, 4.0, 40.0]),
        (&[0, 0, 4, 4], &[0.0, 0.0, 15.0, 150.0, 0.0, 0.0]),
        (&[2, 3, 4], &[4.0, 40.0, 8.0, 80.0]),
    ];
    for engine in ENGINES {
        for (offsets, expected) in cases {
            assert_eq!(sums(engine, &values, 2, Segments::Offsets(offsets)), expected);
        }
    }
}

#[test]
fn by_ids() {
    let values = [1.0, 10.0, 2.0, 20.0, 4.0, 40.0, 8.0, 80.0];
    let cases: [(&[i32], usize, &[f32]); 5] = [
        (&[0, 0, 0, 0], 1, &[15.0, 150.0]),
        (&[2, 0, 2, 0], 3, &[10.0, 100.0, 0.0, 0.0, 5.0, 50.0]),
        (&[1, -1, 0, i32::MIN], 2, &[4.0, 40.0, 1.0, 10.0]),
        (&[-100; 4], 2, &[0.0; 4]),
        (&[-1; 4], 0, &[]),
    ];
    for engine in ENGINES {
        for (ids, segments, expected) in cases {
            assert_eq!(sums(engine, &values, 2, Segments::Ids { ids, segments }), expected);
        }
    }
}

/// Results over nothing, and what comes with them.
#[test]
fn empty_segments() {
    let none = Logits::new::<f32>(&[], 0, 2).unwrap();
    for engine in ENGINES {
        for mode in [Mode::Strict, Mode::Masked] {
            let run = |statistic| {
                let options = Reduce { mode, ..options(statistic) };
                let segments = Segments::Offsets(&[0, 0]);
                engine.reduce_segments(none, segments, Weights::PerColumn(&[1.0, 0.0]), &options)
            };
            let value = |statistic| run(statistic).unwrap().values;
            assert_eq!(value(Statistic::Sum), [0.0, 0.0]);
            assert_eq!(value(Statistic::Max), [f32::NEG_INFINITY; 2]);
            assert_eq!(value(Statistic::Min), [f32::INFINITY; 2]);
            let mean = run(Statistic::Mean).unwrap();
            assert_eq!(mean.denominator, Some(vec![0.0, 0.0]));
            let strict = mode == Mode::Strict;
            assert!(mean.values.iter().all(|&mean| if strict {
                mean.is_nan()
            } else {
                mean == 0.0
            }));
            let log = run(Statistic::LogSumExp).unwrap();
            assert_eq!((log.values, log.sign), (vec![f32::NEG_INFINITY; 2], Some(vec![0.0; 2])));
        }
        // No columns: no results, of however many segments.
        let flat = Logits::new::<f32>(&[], 3, 0).unwrap();
        let options = options(Statistic::Sum);
        let segments = Segments::Offsets(&[0, 1, 3]);
        let out = engine.reduce_segments(flat, segments, Weights::None, &options).unwrap();
        assert!(out.values.is_empty());
    }
}

/// Segments of every size, of values of every type with gaps, weighted in every way.
#[test]
fn of_random_rows() {
    let mut noise = Noise(4);
    for rows in [0, 1, 2, 17, 300, 5003] {
        for columns in [1, 3, 15, 16, 33] {
            let shape = Shape::new(rows, columns).with_row_stride(columns + noise.below(3));
            let count = 1 + noise.below(6);
            for statistic in STATISTICS {
                let element = Element::ALL[noise.below(3)];
                let shape = shape.with_element(element);
                let mut values = noise.floats(shape.extent().unwrap(), -3.0, 3.0);
                for gap in 0..rows.saturating_sub(1) {
                    values[gap * shape.row_stride..][columns..shape.row_stride].fill(f32::NAN);
                }
                let values = OwnedValues::from_f32(values, element);
                let values = Logits::from_values(values.values(), shape).unwrap();
                let w = noise.floats(rows * columns.max(1) + columns, 0.25, 2.0);
                let of = every_weighting()[noise.below(4)];
                let weights = of.view(&w[..of.count(shape)], shape.contiguous());
                let mode = [Mode::Strict, Mode::Masked][noise.below(2)];
                let options = Reduce { mode, ..options(statistic) };

                let mut offsets: Vec<u32> =
                    (0..=count).map(|_| noise.below(rows + 1) as u32).collect();
                offsets.sort_unstable();
                // One segment has most of the rows.
                let id = |noise: &mut Noise| match noise.below(3) {
                    0 => noise.below(count + 1) as i32 - 1,
                    _ => count as i32 - 1,
                };
                let ids: Vec<i32> = (0..rows).map(|_| id(&mut noise)).collect();
                for segments in
                    [Segments::Offsets(&offsets), Segments::Ids { ids: &ids, segments: count }]
                {
                    let result =
                        check_reduce_segments(&cpu::Fast, values, segments, weights, &options);
                    assert!(result.passed(), "{shape:?} {options:?}: {:?}", result.failure);
                    assert!(!result.refused);
                }
            }
        }
    }
}

/// Rows of one segment keep their order: the same bits as if they were alone.
#[test]
fn ids_give_the_bits_of_sorted_rows() {
    let mut noise = Noise(5);
    for (rows, columns) in [(40_000, 1), (3000, 20)] {
        let values = noise.floats(rows * columns, -1e3, 1e3);
        let ids: Vec<i32> = (0..rows).map(|_| noise.below(4) as i32 - 1).collect();
        let mut sorted = Vec::new();
        let mut offsets = vec![0];
        for segment in 0..3 {
            for row in (0..rows).filter(|&row| ids[row] == segment) {
                sorted.extend_from_slice(&values[row * columns..][..columns]);
            }
            offsets.push((sorted.len() / columns) as u32);
        }
        let by_ids = Segments::Ids { ids: &ids, segments: 3 };
        let by_ids = sums(&cpu::Fast, &values, columns, by_ids);
        let by_offsets = sums(&cpu::Fast, &sorted, columns, Segments::Offsets(&offsets));
        assert_eq!(by_ids, by_offsets);
    }
}
