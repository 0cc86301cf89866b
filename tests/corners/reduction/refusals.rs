//! What every engine refuses of a reduction, before it computes anything.

use wgpu_loss::{
    Axis, Engine, Error, Logits, Reduce, ReduceOutput, Result, Segments, Statistic, Upstream,
    Weights,
};

const VALUES: [f32; 12] = [1.0; 12];
const AXES: [Axis; 3] = [Axis::EachRow, Axis::EachColumn, Axis::All];

fn values(rows: usize, columns: usize) -> Logits<'static> {
    Logits::new(&VALUES[..rows * columns], rows, columns).expect("a legal view")
}

#[track_caller]
fn refused(engine: &dyn Engine, what: &str, result: Result<ReduceOutput>) {
    let is_refused = matches!(result, Err(Error::Invalid { .. }));
    assert!(is_refused, "{}: {what}: {result:?}", engine.name());
}

/// Every refusal.
pub fn check(engine: &dyn Engine) {
    for axis in AXES {
        let sum = Reduce::new(Statistic::Sum, axis);
        for weights in [
            Weights::PerRow(&VALUES[..2]),
            Weights::PerRow(&VALUES[..4]),
            Weights::PerColumn(&VALUES[..3]),
            Weights::PerColumn(&[]),
            Weights::PerElement(values(3, 3)),
            Weights::PerElement(values(2, 4)),
        ] {
            refused(
                engine,
                "a wrong number of weights",
                engine.reduce(values(3, 4), weights, &sum),
            );
        }
        for correction in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let options = Reduce::new(Statistic::MeanAndVariance { correction }, axis);
            let out = engine.reduce(values(3, 4), Weights::None, &options);
            refused(engine, "a correction that is not finite", out);
        }
        gradients(engine, axis);
    }
    segments(engine);
}

fn gradients(engine: &dyn Engine, axis: Axis) {
    let one = Upstream::Scalar(1.0);
    for statistic in [
        Statistic::SumOfSquares,
        Statistic::MeanAndVariance { correction: 0.0 },
        Statistic::Max,
        Statistic::Min,
    ] {
        let options = Reduce::new(statistic, axis);
        let out = engine.reduce_with_gradient(values(3, 4), Weights::None, one, &options);
        refused(engine, "a gradient that there is not", out);
    }
    let results = match axis {
        Axis::EachRow => 3,
        Axis::EachColumn => 4,
        Axis::All => 1,
    };
    for factors in 0..6 {
        let options = Reduce::new(Statistic::Mean, axis);
        let upstream = Upstream::PerRow(&VALUES[..factors]);
        let out = engine.reduce_with_gradient(values(3, 4), Weights::None, upstream, &options);
        match factors == results {
            true => assert!(out.is_ok(), "{}: {axis:?}, {factors} factors", engine.name()),
            false => refused(engine, "a wrong number of factors", out),
        }
    }
    let options = Reduce { weight_gradient: true, ..Reduce::new(Statistic::Sum, axis) };
    let out = engine.reduce_with_gradient(values(3, 4), Weights::None, one, &options);
    refused(engine, "the gradient of no weights", out);
    // Without a gradient nothing is wrong with it.
    let out = engine.reduce(values(3, 4), Weights::None, &options);
    assert!(out.is_ok_and(|out| out.weight_gradient.is_none()), "{}", engine.name());
}

fn segments(engine: &dyn Engine) {
    let options = Reduce::new(Statistic::Sum, Axis::EachColumn);
    for (what, segments) in [
        ("no offsets", Segments::Offsets(&[])),
        ("offsets that descend", Segments::Offsets(&[0, 2, 1])),
        ("offsets beyond the rows", Segments::Offsets(&[0, 4])),
        ("too few ids", Segments::Ids { ids: &[0, 1], segments: 2 }),
        ("too many ids", Segments::Ids { ids: &[0, 1, 0, 1], segments: 2 }),
        ("an id beyond the segments", Segments::Ids { ids: &[0, 2, 1], segments: 2 }),
        ("an id of no segments", Segments::Ids { ids: &[-1, 0, -1], segments: 0 }),
    ] {
        let out = engine.reduce_segments(values(3, 4), segments, Weights::None, &options);
        refused(engine, what, out);
    }
    let all = Segments::Offsets(&[0, 3]);
    for axis in [Axis::EachRow, Axis::All] {
        let options = Reduce { axis, ..options };
        let out = engine.reduce_segments(values(3, 4), all, Weights::None, &options);
        refused(engine, "segments of another axis", out);
    }
    let side_by_side = Logits::with_class_axis(&VALUES, 1, 4, 3).expect("a legal view");
    let out = engine.reduce_segments(side_by_side, all, Weights::None, &options);
    refused(engine, "segments of rows side by side", out);
    let out = engine.reduce_segments(values(3, 4), all, Weights::PerRow(&[1.0; 2]), &options);
    refused(engine, "too few weights", out);
}
