//! What is refused, and how: both engines alike.

use crate::ENGINES;
use wgpu_loss::{
    Axis, Engine, Error, Logits, Reduce, ReduceOutput, Result, Segments, Statistic, Upstream,
    Weights,
};

#[track_caller]
fn assert_invalid(result: Result<ReduceOutput>, name: &str, text: &str) {
    let error = result.unwrap_err();
    let is_named = matches!(
        &error,
        Error::Invalid { operation: "reduction", what, .. } if *what == name
    );
    assert!(is_named && error.to_string().contains(text), "{error}");
}

const VALUES: [f32; 6] = [0.0; 6];

fn values() -> Logits<'static> {
    Logits::new(&VALUES, 3, 2).unwrap()
}

fn options(statistic: Statistic) -> Reduce {
    Reduce::new(statistic, Axis::EachRow)
}

#[test]
fn weights_of_the_wrong_number_or_shape() {
    let sum = options(Statistic::Sum);
    for engine in ENGINES {
        for wrong in [0, 2, 4, 6] {
            let weights = Weights::PerRow(&VALUES[..wrong]);
            let text = format!("expected 3, one per row, found {wrong}");
            assert_invalid(engine.reduce(values(), weights, &sum), "number of row weights", &text);
        }
        for wrong in [0, 1, 3] {
            let weights = Weights::PerColumn(&VALUES[..wrong]);
            let what = "number of column weights";
            assert_invalid(engine.reduce(values(), weights, &sum), what, "one per column");
        }
        let side_by_side = Logits::with_class_axis(&VALUES, 1, 2, 3).unwrap();
        for other in [Logits::new(&VALUES, 2, 3).unwrap(), side_by_side] {
            let weights = Weights::PerElement(other);
            assert_invalid(engine.reduce(values(), weights, &sum), "weights", "(3, 2)");
        }
    }
}

#[test]
fn corrections_that_are_not_finite() {
    for engine in ENGINES {
        for correction in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let options = options(Statistic::MeanAndVariance { correction });
            let result = engine.reduce(values(), Weights::None, &options);
            assert_invalid(result, "correction", "a finite number");
        }
    }
}

#[test]
fn gradients_that_there_are_not() {
    let one = Upstream::default();
    let others = [
        Statistic::SumOfSquares,
        Statistic::MeanAndVariance { correction: 0.0 },
        Statistic::Max,
        Statistic::Min,
    ];
    for engine in ENGINES {
        for statistic in others {
            let options = options(statistic);
            let result = engine.reduce_with_gradient(values(), Weights::None, one, &options);
            assert_invalid(result, "gradient", "one of sum, mean or log-sum-exp");
        }
        let options = Reduce { weight_gradient: true, ..options(Statistic::Sum) };
        let result = engine.reduce_with_gradient(values(), Weights::None, one, &options);
        assert_invalid(result, "weight gradient", "weights");
        // Without an upstream gradient there is none to refuse.
        assert!(engine.reduce(values(), Weights::None, &options).is_ok());
    }
}

#[test]
fn upstream_gradients_of_the_wrong_number() {
    for engine in ENGINES {
        for (axis, results) in [(Axis::EachRow, 3), (Axis::EachColumn, 2), (Axis::All, 1)] {
            for wrong in (0..6).filter(|&count| count != results) {
                let upstream = Upstream::PerRow(&VALUES[..wrong]);
                let options = Reduce::new(Statistic::Sum, axis);
                let none = Weights::None;
                let result = engine.reduce_with_gradient(values(), none, upstream, &options);
                assert_invalid(result, "upstream gradient", &format!("{results} values"));
            }
        }
    }
}

#[test]
fn more_results_than_can_be_addressed() {
    for engine in ENGINES {
        for (rows, classes, what) in
            [(1 << 60, 0, "number of rows"), (0, 1 << 60, "number of columns")]
        {
            let values = Logits::new::<f32>(&[], rows, classes).unwrap();
            let options = options(Statistic::Sum);
            let result = engine.reduce(values, Weights::None, &options);
            assert_invalid(result, what, "addressed");
        }
    }
}

fn of_segments(
    engine: &dyn Engine,
    values: Logits<'_>,
    segments: Segments<'_>,
) -> Result<ReduceOutput> {
    let options = Reduce::new(Statistic::Sum, Axis::EachColumn);
    engine.reduce_segments(values, segments, Weights::None, &options)
}

#[test]
fn segments_that_are_none() {
    for engine in ENGINES {
        let run = |segments| of_segments(engine, values(), segments);
        let offsets = "segment offsets";
        assert_invalid(run(Segments::Offsets(&[])), offsets, "found none");
        let descending = Segments::Offsets(&[0, 2, 1, 3]);
        assert_invalid(run(descending), offsets, "found 2 before 1 at segment 1");
        assert_invalid(
            run(Segments::Offsets(&[0, 4])),
            "last segment offset",
            "at most the 3 rows",
        );

        let ids = |ids, segments| run(Segments::Ids { ids, segments });
        assert_invalid(
            ids(&[0, 0], 1),
            "number of segment ids",
            "expected 3, one per row, found 2",
        );
        assert_invalid(ids(&[0; 4], 1), "number of segment ids", "found 4");
        assert_invalid(ids(&[0, 1, 2], 2), "segment id", "found 2 in row 2");
        assert_invalid(ids(&[-1, 0, -1], 0), "segment id", "found 0 in row 1");
        assert_invalid(ids(&[0; 3], 1 << 31), "number of segments", "at most 2147483647");
    }
}

#[test]
fn other_axes_and_layouts_of_segments() {
    let segments = Segments::Offsets(&[0, 3]);
    for engine in ENGINES {
        for axis in [Axis::EachRow, Axis::All] {
            let options = Reduce::new(Statistic::Sum, axis);
            let result = engine.reduce_segments(values(), segments, Weights::None, &options);
            assert_invalid(result, "axis", "EachColumn");
        }
        let side_by_side = Logits::with_class_axis(&VALUES, 1, 2, 3).unwrap();
        assert_invalid(
            of_segments(engine, side_by_side, segments),
            "values",
            "3 rows side by side",
        );
        // What any reduction refuses.
        let options = Reduce::new(Statistic::Sum, Axis::EachColumn);
        let weights = Weights::PerRow(&[1.0]);
        let result = engine.reduce_segments(values(), segments, weights, &options);
        assert_invalid(result, "number of row weights", "expected 3");
        let statistic = Statistic::MeanAndVariance { correction: f32::NAN };
        let options = Reduce::new(statistic, Axis::EachColumn);
        let result = engine.reduce_segments(values(), segments, Weights::None, &options);
        assert_invalid(result, "correction", "a finite number");
    }
}
