//! Focal loss of every gamma that single precision holds: known values, computed with 80 digits, and
//! every engine against the oracle.

use wgpu_loss::{
    Engine, Logits, Reduction, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, Targets, Upstream, cpu,
};

use super::gpu;

/// Logits, a target and gamma; the loss and its gradient.
type Known = ([f32; 3], i32, f32, f64, [f64; 3]);

const KNOWN: [Known; 6] = [
    (
        [2.0, 0.0, -1.0],
        1,
        256.0,
        7.160_848_680_112_69e-14,
        [2.021965700054762e-12, -2.1226334446008643e-12, 1.0066774454610231e-13],
    ),
    (
        [2.0, 0.0, -1.0],
        2,
        100.5,
        0.042443697622371727,
        [0.16913515360354595, 0.022889953918203885, -0.19202510752174984],
    ),
    ([2.0, 0.0, -1.0], 0, 1e6, 0.0, [0.0; 3]),
    (
        [0.0, -20.0, 0.0],
        1,
        1e9,
        7.383337563394824,
        [3.9829487842732916, -7.965_897_568_546_583, 3.9829487842732916],
    ),
    (
        [0.0, -60.0, 20.0],
        1,
        1e34,
        66.789_207_296_627_54,
        [2.6566877131907819e-8, -12.889324161696823, 12.889324135129946],
    ),
    // p is less than any normal number.
    (
        [0.0, -95.0, 0.0],
        1,
        f32::MAX,
        95.603_298_745_651_93,
        [0.544_433_659_497_797_3, -1.0888673189955947, 0.544_433_659_497_797_3],
    ),
];

fn options(gamma: f32) -> SoftmaxLoss {
    let function = SoftmaxFunction::Focal { gamma };
    SoftmaxLoss { reduction: Reduction::Sum, rows: true, ..SoftmaxLoss::new(function) }
}

/// The error of a power grows with its logarithm.
fn allowed(size: f64) -> f64 {
    4e-6 * size * (-size.max(1e-300).ln()).max(1.0) + 1e-37
}

#[test]
fn the_oracle_knows_great_gammas() {
    for (row, target, gamma, loss, gradient) in KNOWN {
        let logits = Logits::new(&row, 1, 3).unwrap();
        let classes = [target];
        let against = SoftmaxAgainst::Targets(Targets::classes(&classes));
        let upstream = Some(Upstream::Scalar(1.0));
        let out = cpu::Oracle.softmax_loss_f64(logits, against, upstream, &options(gamma)).unwrap();
        let found = out.gradient.unwrap();
        for (found, expected) in
            found.into_iter().chain([out.loss]).zip(gradient.into_iter().chain([loss]))
        {
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs(),
                "{found:e} and not {expected:e}: {row:?} {gamma}"
            );
        }
    }
}

/// Likely, unlikely and certain classes, also masked ones, as targets.
#[test]
fn every_gamma() {
    const NONE: f32 = f32::NEG_INFINITY;
    let rows: [[f32; 3]; 8] = [
        [2.0, 0.0, -1.0],
        [0.0, -20.0, 0.0],
        [0.0, -60.0, 20.0],
        [0.0, -95.0, 0.0],
        [0.0, -2000.0, 0.5],
        [200.0, 0.0, 0.0],
        [0.0, NONE, NONE],
        [1e38, -1.0, -1e38],
    ];
    let targets = [0, 1, 1, 1, 1, 0, 0, 2];
    let probabilities = [0.25f32, 0.5, 0.25].repeat(rows.len());
    let values = rows.concat();
    let logits = Logits::new(&values, rows.len(), 3).unwrap();
    let matrix = Logits::new(&probabilities, rows.len(), 3).unwrap();
    for (targets, label_smoothing) in [
        (Targets::classes(&targets), 0.0),
        (Targets::classes(&targets), 0.1),
        (Targets::probabilities(matrix), 0.0),
    ] {
        let against = SoftmaxAgainst::Targets(targets);
        for gamma in
            [0.0, 1e-38, 0.3, 63.5, 64.0, 64.5, 100.0, 256.0, 1e3, 1e6, 1e20, 1e30, 1e34, f32::MAX]
        {
            let options = SoftmaxLoss { label_smoothing, ..options(gamma) };
            let upstream = Upstream::Scalar(-2.0);
            let exact =
                cpu::Oracle.softmax_loss_f64(logits, against, Some(upstream), &options).unwrap();
            let engines: [&dyn Engine; 2] = [&cpu::Fast, gpu()];
            for engine in engines {
                let out =
                    engine.softmax_loss_with_gradient(logits, against, upstream, &options).unwrap();
                let what = format!("{} {options:?}", engine.name());
                let losses = out.loss_rows.unwrap();
                let gradient = out.gradient.unwrap().into_f32();
                let expected = exact.gradient.as_ref().unwrap();
                for (row, &known) in exact.loss_rows.as_ref().unwrap().iter().enumerate() {
                    let found = f64::from(losses[row]);
                    let is_same = found == known || (found.is_nan() && known.is_nan());
                    let is_close = (found - known).abs() <= allowed(known.abs());
                    assert!(is_same || is_close, "row {row}: {found:e} for {known:e}: {what}");
                    let of_row = 3 * row..3 * row + 3;
                    let known = &expected[of_row.clone()];
                    let size = known.iter().fold(0f64, |most, value| most.max(value.abs()));
                    for (found, known) in gradient[of_row].iter().zip(known) {
                        let error = (f64::from(*found) - known).abs();
                        let is_close = error <= allowed(size) || (found.is_nan() && known.is_nan());
                        assert!(is_close, "gradient of row {row}: {found:e} for {known:e}: {what}");
                    }
                }
            }
        }
    }
}
