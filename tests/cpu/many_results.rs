//! Shapes without elements, which ask for more results than there is memory for: an error with the
//! bytes, and no end of the process. What has no results is computed, however many rows there are.

use wgpu_loss::partial::ClassRange;
use wgpu_loss::{
    Axis, CrossEntropy, Elementwise, ElementwiseLoss, ElementwiseReduction, ElementwiseUpstream,
    Error, LogSumExp, Logits, LossFunction, Reduce, Result, Segments, Softmax, Statistic, Targets,
    Upstream, Weights, cpu,
};

use crate::ENGINES;

const MANY: usize = 1 << 40;

#[track_caller]
fn lacks_memory<T>(result: Result<T>, operation: &str) {
    match result.err() {
        Some(error @ Error::OutOfMemory { .. }) => {
            let message = error.to_string();
            assert!(message.starts_with(operation), "{message}");
            assert!(message.contains("bytes of host memory"), "{message}");
        }
        other => panic!("{operation}: {other:?}"),
    }
}

fn rows() -> Logits<'static> {
    Logits::new::<f32>(&[], MANY, 0).expect("rows of nothing")
}

fn columns() -> Logits<'static> {
    Logits::new::<f32>(&[], 0, MANY).expect("columns of nothing")
}

#[test]
fn of_log_sum_exp_and_softmax() {
    let upstream = Upstream::Scalar(1.0);
    for engine in ENGINES {
        let options = LogSumExp::default();
        lacks_memory(engine.log_sum_exp(rows(), &options), "log-sum-exp");
        lacks_memory(engine.log_sum_exp_with_gradient(rows(), upstream, &options), "log-sum-exp");
        let none = engine.log_sum_exp_with_gradient(columns(), upstream, &options);
        assert_eq!(none.map(|it| it.log_sum_exp.len()), Ok(0));
        for log in [false, true] {
            let options = Softmax { log, ..Default::default() };
            for empty in [rows(), columns()] {
                assert_eq!(engine.softmax(empty, &options).map(|it| it.len()), Ok(0));
                let gradient = engine.softmax_gradient(empty, empty, &options);
                assert_eq!(gradient.map(|it| it.len()), Ok(0));
            }
        }
    }
    let into = cpu::Fast.log_sum_exp_into::<f32>(rows(), upstream, &LogSumExp::default(), &mut []);
    lacks_memory(into, "log-sum-exp");
}

#[test]
fn of_cross_entropy() {
    // No row looks at what is kept for each class.
    let wide = Logits::new::<f32>(&[], 0, 1 << 31).expect("classes of nothing");
    let options = CrossEntropy { label_smoothing: 0.1, ..Default::default() };
    let probabilities = Targets::probabilities(rows());
    for engine in ENGINES {
        let out = engine.cross_entropy(wide, Targets::classes(&[] as &[i32]), &options);
        assert_eq!(out.map(|out| out.counted), Ok(0));
        let classes = ClassRange { first: 0, total: 5 };
        let options = CrossEntropy::default();
        let states = engine.partial_states(rows(), classes, probabilities, &options);
        assert!(matches!(states, Err(Error::Invalid { .. })), "a part of no classes");
    }
}

#[test]
fn of_reductions() {
    let statistics = [
        Statistic::Sum,
        Statistic::Mean,
        Statistic::MeanAndVariance { correction: 1.0 },
        Statistic::Max,
        Statistic::LogSumExp,
    ];
    let of_all = |statistic| Reduce::new(statistic, Axis::All);
    for engine in ENGINES {
        for statistic in statistics {
            for (values, axis) in [(rows(), Axis::EachRow), (columns(), Axis::EachColumn)] {
                let options = Reduce::new(statistic, axis);
                lacks_memory(engine.reduce(values, Weights::None, &options), "reduction");
            }
            for (values, axis) in [(rows(), Axis::EachColumn), (columns(), Axis::EachRow)] {
                let options = Reduce::new(statistic, axis);
                let none = engine.reduce(values, Weights::None, &options);
                assert_eq!(none.map(|it| it.values.len()), Ok(0));
            }
            for (values, weights) in [
                (rows(), Weights::None),
                (columns(), Weights::None),
                (rows(), Weights::PerColumn(&[])),
                (columns(), Weights::PerRow(&[])),
                (rows(), Weights::PerElement(rows())),
            ] {
                let one = engine.reduce(values, weights, &of_all(statistic));
                assert_eq!(one.map(|it| it.values.len()), Ok(1));
            }
        }
        let upstream = Upstream::Scalar(1.0);
        let options = Reduce::new(Statistic::Mean, Axis::EachRow);
        let out = engine.reduce_with_gradient(rows(), Weights::None, upstream, &options);
        lacks_memory(out, "reduction");
        let options = Reduce { weight_gradient: true, ..of_all(Statistic::Sum) };
        for (values, weights) in
            [(rows(), Weights::PerColumn(&[])), (columns(), Weights::PerRow(&[]))]
        {
            let out = engine.reduce_with_gradient(values, weights, upstream, &options);
            let out = out.expect("no memory is needed");
            assert_eq!(out.values, [0.0]);
            assert_eq!(out.gradient.map(|it| it.len()), Some(0));
            assert_eq!(out.weight_gradient, Some(vec![]));
        }
    }
}

#[test]
fn of_segments() {
    let row = vec![1.0; 1 << 10];
    let values = Logits::new(&row, 1, row.len()).expect("a row");
    let segments = Segments::Ids { ids: &[3], segments: i32::MAX as usize };
    let offsets = vec![0; 1001];
    for engine in ENGINES {
        for statistic in [Statistic::Sum, Statistic::MeanAndVariance { correction: 0.0 }] {
            let options = Reduce::new(statistic, Axis::EachColumn);
            let out = engine.reduce_segments(values, segments, Weights::None, &options);
            lacks_memory(out, "reduction");
            let offsets = Segments::Offsets(&offsets);
            let out = engine.reduce_segments(columns(), offsets, Weights::None, &options);
            lacks_memory(out, "reduction");
        }
    }
}

#[test]
fn of_element_wise_losses() {
    let losses = [LossFunction::SquaredError, LossFunction::BinaryCrossEntropyWithLogits];
    let reductions =
        [ElementwiseReduction::Sum, ElementwiseReduction::Mean, ElementwiseReduction::WeightedMean];
    for engine in ENGINES {
        for function in losses {
            let unreduced = ElementwiseLoss::unreduced(function);
            for empty in [rows(), columns()] {
                let operands = Elementwise::new(empty, empty);
                let out = engine.elementwise_loss_with_gradient(
                    &operands,
                    ElementwiseUpstream::Scalar(1.0),
                    &unreduced,
                );
                assert_eq!(out.map(|out| out.values.len()), Ok(0));
            }
            for reduction in reductions {
                let of =
                    |axis| ElementwiseLoss { reduction, axis, ..ElementwiseLoss::new(function) };
                let (many, columns) =
                    (Elementwise::new(rows(), rows()), Elementwise::new(columns(), columns()));
                let name = function.name();
                lacks_memory(engine.elementwise_loss(&many, &of(Axis::EachRow)), name);
                lacks_memory(engine.elementwise_loss(&columns, &of(Axis::EachColumn)), name);
                for operands in [&many, &columns] {
                    let out = engine.elementwise_loss(operands, &of(Axis::All));
                    assert_eq!(out.map(|out| out.values.len()), Ok(1));
                }
            }
        }
    }
}
