//! Reductions: every case of the quick list on buffers of the caller's, the same bits however they
//! come about, and errors that no other float32 sum is below.

use wgpu_loss::plan::Capabilities;
use wgpu_loss::{
    Axis, Element, Engine, GradientPlace, Logits, OwnedValues, Reduce, ReduceOutput, Segments,
    Shape, Statistic, Weights,
};
use wgpu_loss_verify::{Extent, Operation, cases};

use crate::calls::{check, engines};
use crate::device::gpu;
use crate::engine::Embedded;

/// Whatever `verify` asks of reductions.
#[test]
fn results_and_gradients_are_the_oracles() {
    let engines = engines(&gpu());
    let mut count = 0;
    for (at, case) in cases(Extent::Quick).iter().enumerate() {
        if matches!(case.operation, Operation::Reduce(_) | Operation::ReduceSegments(_))
            && case.fault.is_none()
        {
            count += 1;
            // In turns: every engine compiles its own kernels.
            check(case, &engines[at % engines.len()]);
        }
    }
    assert!(count > 25, "only {count} reductions");
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / 8_388_608.0 - 1.0) * ((state >> 20) % 97) as f32
    })
    .take(count)
    .collect()
}

fn bits(out: &ReduceOutput) -> Vec<u32> {
    let optional = [&out.variance, &out.sign, &out.denominator, &out.weight_gradient];
    let all = optional.into_iter().flatten().flatten();
    out.values.iter().chain(all).map(|value| value.to_bits()).collect()
}

const STATISTICS: [Statistic; 4] = [
    Statistic::Sum,
    Statistic::Mean,
    Statistic::MeanAndVariance { correction: 1.0 },
    Statistic::LogSumExp,
];

/// Every run, wherever operands lie in their buffers, and however many dispatches the device's
/// limits cut the work into.
#[test]
fn bits_depend_on_nothing_but_the_values() {
    let gpu = &gpu();
    let capabilities = *gpu.kernels().capabilities();
    let cut = |max_binding_bytes, max_workgroups| {
        let smaller = Capabilities { max_binding_bytes, max_workgroups, ..capabilities };
        gpu.kernels().with_capabilities(smaller).expect("a device that is large enough")
    };
    let plain = Embedded::new(gpu);
    let others = [
        plain.clone(),
        plain.clone().with_offsets([1, 0, 3]),
        plain.clone().with_offsets([4, 0, 64]),
        plain.clone().with_kernels(cut(1 << 17, 65_535)),
        plain.clone().with_kernels(cut(1 << 18, 256)).with_offsets([3, 0, 1]),
    ];
    // A long run, a run that ends between vectors, short runs in groups, columns.
    let calls = [
        (Shape::new(1, 300_000), Axis::All),
        (Shape::new(1, 70_001), Axis::All),
        (Shape::new(3, 70_004), Axis::EachRow),
        (Shape::new(30_000, 10).with_row_stride(11), Axis::All),
        (Shape::new(20_000, 12), Axis::EachColumn),
        (Shape::with_class_axis(2, 500, 70), Axis::EachRow),
    ];
    for (at, (shape, axis)) in calls.into_iter().enumerate() {
        let extent = shape.extent().expect("a small shape");
        let element = Element::ALL[at % 3];
        let stored = OwnedValues::from_f32(numbers(extent, 5), element);
        let values = Logits::from_values(stored.values(), shape).expect("as many values");
        let of_values = numbers(extent, 9);
        let weights = Logits::from_values(of_values[..].into(), shape).expect("as many weights");
        let options = Reduce::new(STATISTICS[at % 4], axis);
        let weights = [Weights::None, Weights::PerElement(weights)][at % 2];
        let call = |engine: &Embedded| engine.reduce(values, weights, &options);
        let first = bits(&call(&plain).expect("the plain call"));
        for (index, engine) in others.iter().enumerate() {
            let found = bits(&call(engine).expect("another call"));
            assert_eq!(found, first, "{shape:?} {options:?} by engine {index}");
        }
    }
}

/// Segments, too; and where a segment stands among the others makes no difference to a sum.
#[test]
fn segments_have_the_same_bits_by_offsets_and_by_ids() {
    let rows = 9000;
    let values = numbers(rows, 3);
    let logits = Logits::new(&values, rows, 1).expect("as many values");
    let offsets: Vec<u32> = vec![0, 0, 1, 8, 4097, 4200, 9000];
    let mut ids = vec![0; rows];
    for (segment, range) in offsets.windows(2).enumerate() {
        ids[range[0] as usize..range[1] as usize].fill(segment as i32);
    }
    let by_ids = Segments::Ids { ids: &ids, segments: offsets.len() - 1 };
    let options = Reduce::new(Statistic::Sum, Axis::EachColumn);
    for engine in [Embedded::new(&gpu()), Embedded::new(&gpu()).with_offsets([1, 0, 5])] {
        let call = |segments| {
            let out = engine.reduce_segments(logits, segments, Weights::None, &options);
            bits(&out.expect("a segmented sum"))
        };
        let found = call(Segments::Offsets(&offsets));
        assert_eq!(found, call(by_ids));
        for (range, found) in offsets.windows(2).zip(found) {
            let part = &values[range[0] as usize..range[1] as usize];
            let alone = Logits::new(part, 1, part.len()).expect("as many values");
            let sum = engine.reduce(alone, Weights::None, &Reduce::default()).expect("a sum");
            assert_eq!(found, sum.values[0].to_bits(), "rows {range:?}");
        }
    }
}

/// NumPy's pairwise sum: blocks of 128 by 8 running sums, halved above that.
fn pairwise(values: &[f32]) -> f32 {
    if values.len() < 8 {
        return values.iter().fold(0.0, |sum, value| sum + value);
    }
    if values.len() <= 128 {
        let mut sums = [0f32; 8];
        sums.copy_from_slice(&values[..8]);
        let whole = values.len() / 8 * 8;
        for eight in values[8..whole].chunks(8) {
            sums.iter_mut().zip(eight).for_each(|(sum, value)| *sum += value);
        }
        let [a, b, c, d, e, f, g, h] = sums;
        let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
        return values[whole..].iter().fold(sum, |sum, value| sum + value);
    }
    let half = values.len() / 2 / 8 * 8;
    pairwise(&values[..half]) + pairwise(&values[half..])
}

/// Sums that lose digits in float32: none here does worse than NumPy's pairwise sum, nor than a
/// running one.
#[test]
fn no_float32_sum_is_closer() {
    let count = 1 << 20;
    let small = numbers(count, 11);
    let kinds: [(&str, Vec<f32>); 5] = [
        (
            "alternating",
            (0..count)
                .map(|i| match i % 4 {
                    0 => 1e8,
                    2 => -1e8,
                    _ => small[i] * 1e-3,
                })
                .collect(),
        ),
        ("all positive", small.iter().map(|value| value.abs() + 0.1).collect()),
        ("geometric", (0..count).map(|i| 0.7f32.powi((i % 200) as i32) * 1e10).collect()),
        ("growing", (0..count).map(|i| (i as f32).powi(3) * 1e-9).collect()),
        ("of any sign", small.clone()),
    ];
    for (kind, values) in &kinds {
        let exact: f64 = neumaier(values);
        let magnitudes: f64 = values.iter().map(|value| f64::from(value.abs())).sum();
        let logits = Logits::new(values, 1, count).expect("as many values");
        let engine = Embedded::new(&gpu());
        let out = engine.reduce(logits, Weights::None, &Reduce::default()).expect("a sum");
        let error = |sum: f32| (f64::from(sum) - exact).abs();
        let ours = error(out.values[0]);
        let running = error(values.iter().fold(0f32, |sum, value| sum + value));
        let numpys = error(pairwise(values));
        assert!(ours <= numpys && ours <= running, "{kind}: {ours}, {numpys}, {running}");
        // The nearest float32 there is, but for what 46 bits of the magnitudes leave.
        let nearest = error(exact as f32) + magnitudes * 2f64.powi(-46);
        assert!(ours <= nearest, "{kind}: {ours} of {magnitudes}");
    }
}

/// A sum in double precision that keeps what each step rounds off.
fn neumaier(values: &[f32]) -> f64 {
    let (mut sum, mut rest) = (0f64, 0f64);
    for &value in values {
        let value = f64::from(value);
        let next = sum + value;
        rest += match sum.abs() >= value.abs() {
            true => (sum - next) + value,
            false => (value - next) + sum,
        };
        sum = next;
    }
    sum + rest
}

/// In place of the values, beside them, and with gaps, all at once with the results.
#[test]
fn a_gradient_in_place_leaves_nothing_of_the_values() {
    let shape = Shape::new(37, 24);
    let values = numbers(37 * 24, 1);
    let logits = Logits::new(&values, 37, 24).expect("as many values");
    let weights = numbers(37, 2);
    let options =
        Reduce { weight_gradient: true, ..Reduce::new(Statistic::Mean, Axis::EachColumn) };
    let factors = numbers(24, 4);
    let upstream = wgpu_loss::Upstream::PerRow(&factors);
    let call = |engine: &Embedded| {
        let weights = Weights::PerRow(&weights);
        engine.reduce_with_gradient(logits, weights, upstream, &options).expect("a gradient")
    };
    let in_place = call(&Embedded::new(&gpu()));
    let beside = call(&Embedded::new(&gpu()).with_place(GradientPlace::Separate));
    assert_eq!(bits(&in_place), bits(&beside));
    assert_eq!(in_place.gradient, beside.gradient);
    assert_eq!(in_place.gradient.map(|gradient| gradient.len()), shape.elements());
}
