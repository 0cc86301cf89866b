//! Divergences at all temperatures, and of rows that are close to their teacher's: known values, computed
//! with 80 digits.

use wgpu_loss::{
    Engine, Logits, Reduction, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, Upstream, cpu,
};

use super::problem::Draw;
use super::{gpu, gpu_without_subgroups};

const STUDENT: [f32; 5] = [1.5, -0.5, 0.25, -1.75, 0.625];
const TEACHER: [f32; 5] = [0.0, 2.0, -1.0, 0.5, -0.375];

/// A temperature, and both divergences and their gradients.
type Known = (f32, f64, [f64; 5], f64, [f64; 5]);

const KNOWN: [Known; 11] = [
    (
        1e-15,
        2.0000000072549875e-15,
        [1.0000000036274937e-15, -1.0000000036274937e-15, 0.0, 0.0, 0.0],
        6.931471855887194e-31,
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ),
    (
        1e-3,
        0.0020000000949949026,
        [0.0010000000474974513, -0.0010000000474974513, 0.0, 0.0, 0.0],
        6.931472464053957e-07,
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ),
    (
        0.25,
        0.5015464922876026,
        [
            0.24093295273773446,
            -0.24919743474613265,
            0.0016224252981930207,
            -0.0006173543191466606,
            0.007259411029351836,
        ],
        0.04311834865185567,
        [
            0.00032317892202533393,
            -0.0003246614137244583,
            1.69379064744938e-06,
            -1.915314685618918e-06,
            1.704015737293902e-06,
        ],
    ),
    (
        1.0,
        1.4846593139847053,
        [
            0.4424825128121137,
            -0.5940204132865684,
            0.11943765165841858,
            -0.12797559690267638,
            0.16007584571871247,
        ],
        0.29686586542638604,
        [
            0.05931257658352012,
            -0.07018396879053622,
            0.0139191759804606,
            -0.017809001359197957,
            0.01476121758575346,
        ],
    ),
    (
        30.0,
        1.6013839158520855,
        [
            0.34643775832308343,
            -0.4700588875349796,
            0.2845269184055148,
            -0.4002333880806967,
            0.23932759888707805,
        ],
        0.39871900128545357,
        [
            0.08642219031454382,
            -0.11654166518561354,
            0.07063925874497219,
            -0.0995843494894236,
            0.05906456561552112,
        ],
    ),
    (
        1e3,
        1.5927755398995218,
        [
            0.34019494579169995,
            -0.4603049066230342,
            0.2898374477627611,
            -0.4097099065260618,
            0.23998241959463498,
        ],
        0.3981475875050059,
        [
            0.08504499192489187,
            -0.11504982842028066,
            0.07244579220998193,
            -0.1024147111279119,
            0.05997375541331875,
        ],
    ),
    (
        1e5,
        1.592502758097759,
        [
            0.3400019499945847,
            -0.46000304999067343,
            0.2899983749947718,
            -0.4099970999906419,
            0.23999982499195877,
        ],
        0.39812522732906486,
        [
            0.08500045061794667,
            -0.11500049936409698,
            0.07249945843234129,
            -0.10249914780547992,
            0.05999973811928893,
        ],
    ),
    (
        1e7,
        1.5925000275812473,
        [
            0.3400000194999995,
            -0.46000003049999905,
            0.28999998374999947,
            -0.4099999709999991,
            0.2399999982499992,
        ],
        0.39812500227343606,
        [
            0.0850000045062493,
            -0.1150000049937489,
            0.07249999458437448,
            -0.1024999914781243,
            0.05999999738124943,
        ],
    ),
    (
        1e10,
        1.5925000000275813,
        [0.3400000000195, -0.4600000000305, 0.28999999998375, -0.409999999971, 0.23999999999825],
        0.39812500000227347,
        [
            0.08500000000450625,
            -0.11500000000499375,
            0.07249999999458437,
            -0.10249999999147812,
            0.05999999999738125,
        ],
    ),
    (
        1e12,
        1.5925000000002758,
        [
            0.340000000000195,
            -0.460000000000305,
            0.2899999999998375,
            -0.40999999999971,
            0.2399999999999825,
        ],
        0.3981250000000227,
        [
            0.08500000000004507,
            -0.11500000000004994,
            0.07249999999994584,
            -0.10249999999991478,
            0.05999999999997381,
        ],
    ),
    (
        1e15,
        1.5925000000000002,
        [0.3400000000000002, -0.4600000000000003, 0.2899999999999998, -0.4099999999999997, 0.24],
        0.398125,
        [
            0.08500000000000005,
            -0.11500000000000005,
            0.07249999999999994,
            -0.10249999999999991,
            0.05999999999999998,
        ],
    ),
];

/// Rows drawn from a seed: how many classes, how far logits spread, by how much the teacher's are
/// greater, how far they are from that, the temperature; both divergences.
type KnownRow = (usize, f32, f32, f32, f32, f64, f64);

const KNOWN_ROWS: [KnownRow; 9] = [
    (2, 1.0, 0.0, 3.0, 1e9, 1.3741781188077358, 0.34354452970193394),
    (1000, 4.0, 0.0, 3.0, 1e5, 1.4396238317493607, 0.3599059231516354),
    (1000, 4.0, 0.0, 1e-6, 1.0, 1.648_450_322_641_218e-13, 4.121_125_785_394_665e-14),
    (1000, 1e-7, 0.0, 3e-7, 1.0, 1.4396231836691075e-14, 3.599_057_955_693_976e-15),
    (1000, 4.0, 40.0, 3.0, 1e7, 1.4396230439508929, 0.359_905_760_639_843_7),
    (33_000, 4.0, 0.0, 3.0, 1e13, 1.498_854_436_782_61, 0.37471360919565243),
    (1000, 4.0, 1e6, 3.0, 1e4, 1.4398335374943766, 0.3599580309884555),
    (1000, 3e4, 0.0, 3e4, 1e15, 143_962_308.36701226, 35_990_577.091749587),
    (5, 1e-5, 0.0, 3e-5, 1e-3, 1.3855192066237134e-10, 3.451_013_827_777_127e-11),
];

const BOTH: [SoftmaxFunction; 2] = [SoftmaxFunction::KlDivergence, SoftmaxFunction::JensenShannon];

fn options(function: SoftmaxFunction, temperature: f32) -> SoftmaxLoss {
    let reduction = Reduction::Sum;
    SoftmaxLoss { temperature, reduction, rows: true, ..SoftmaxLoss::new(function) }
}

/// The engines but for the oracle.
fn engines() -> [&'static dyn Engine; 3] {
    [&cpu::Fast, gpu(), gpu_without_subgroups()]
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| value.abs().max(most))
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], allowed: f64, what: &str) {
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let is_same = found == expected || (found.is_nan() && expected.is_nan());
        let error = (found - expected).abs();
        assert!(
            is_same || error <= allowed,
            "{at}: {found:e} and not {expected:e}, off by {error:e}, allowed {allowed:e}: {what}"
        );
    }
}

/// Losses of rows to a relative error, gradients to one relative to the row's largest value; of
/// temperatures below 16, and of rows that are not close, also to the rounding of the logarithms of both sums,
/// a tenth of what any gradient may be off by.
fn check(
    engine: &dyn Engine,
    rows: [&[f32]; 2],
    classes: usize,
    options: &SoftmaxLoss,
    kind: impl Fn(usize) -> String,
) {
    let [student, teacher] = rows.map(|row| Logits::new(row, row.len() / classes, classes));
    let (student, against) = (student.unwrap(), SoftmaxAgainst::teacher(teacher.unwrap()));
    let upstream = Upstream::Scalar(-0.75);
    let exact = cpu::Oracle.softmax_loss_f64(student, against, Some(upstream), options).unwrap();
    let out = engine.softmax_loss_with_gradient(student, against, upstream, options).unwrap();
    let losses = out.loss_rows.unwrap();
    let gradient: Vec<f64> = out.gradient.unwrap().into_f32().into_iter().map(f64::from).collect();
    let expected = exact.gradient.unwrap();
    let exact_losses = exact.loss_rows.unwrap();
    for (row, (&loss, &known)) in losses.iter().zip(&exact_losses).enumerate() {
        let what = format!("{} row {row} ({}), {options:?}", engine.name(), kind(row));
        // Infinite where no single-precision number is so large.
        let known = f64::from(known as f32);
        assert_close(&[loss.into()], &[known], 2e-6 * known + 1e-37, &what);
        let of_row = row * classes..(row + 1) * classes;
        let known = &expected[of_row.clone()];
        let temperature = f64::from(options.temperature);
        // Where a class is far from the teacher's its logarithm is no small number, either.
        let is_far = exact_losses[row] > 1e-3 * temperature * temperature;
        let of_logarithms = if temperature < 16.0 || is_far { 2e-7 * temperature } else { 0.0 };
        let allowed = 2e-6 * largest(known) + of_logarithms + 1e-37;
        assert_close(&gradient[of_row], known, allowed, &what);
    }
}

#[test]
fn the_oracle_knows_all_temperatures() {
    let student = Logits::new(&STUDENT, 1, 5).unwrap();
    let against = SoftmaxAgainst::teacher(Logits::new(&TEACHER, 1, 5).unwrap());
    for (temperature, kl, of_kl, js, of_js) in KNOWN {
        for (function, loss, gradient) in [(BOTH[0], kl, of_kl), (BOTH[1], js, of_js)] {
            let options = options(function, temperature);
            let upstream = Some(Upstream::Scalar(1.0));
            let out = cpu::Oracle.softmax_loss_f64(student, against, upstream, &options).unwrap();
            let what = format!("{options:?}");
            assert_close(&[out.loss], &[loss], 1e-14 * loss, &what);
            let found = out.gradient.unwrap();
            assert_close(&found, &gradient, 1e-13 * largest(&gradient), &what);
            for engine in engines() {
                check(engine, [&STUDENT, &TEACHER], 5, &options, |_| "known".into());
            }
        }
    }
}

#[test]
fn the_oracle_knows_close_and_long_rows() {
    for (classes, spread, offset, closeness, temperature, kl, js) in KNOWN_ROWS {
        let mut draw = Draw(classes as u64);
        let (mut student, mut teacher) = (vec![], vec![]);
        for _ in 0..classes {
            let x = draw.next() * spread;
            student.push(x);
            teacher.push((x + draw.next() * closeness) + offset);
        }
        for (function, loss) in [(BOTH[0], kl), (BOTH[1], js)] {
            let options = options(function, temperature);
            let against = SoftmaxAgainst::teacher(Logits::new(&teacher, 1, classes).unwrap());
            let logits = Logits::new(&student, 1, classes).unwrap();
            let out = cpu::Oracle.softmax_loss_f64(logits, against, None, &options).unwrap();
            assert_close(&[out.loss], &[loss], 1e-12 * loss, &format!("{classes} {options:?}"));
            for engine in engines() {
                check(engine, [&student, &teacher], classes, &options, |_| format!("{offset}"));
            }
        }
    }
}

const NONE: f32 = f32::NEG_INFINITY;

/// A student's row and its teacher's.
const PAIRS: [(&str, [f32; 5], [f32; 5]); 12] = [
    ("reversed", [1.5, -0.5, 0.25, -1.75, 0.625], [0.625, -1.75, 0.25, -0.5, 1.5]),
    ("the same", [1.5, -0.5, 0.25, -1.75, 0.625], [1.5, -0.5, 0.25, -1.75, 0.625]),
    ("moved", [1.5, -0.5, 0.25, -1.75, 0.625], [1001.5, 999.5, 1000.25, 998.25, 1000.625]),
    ("far off", [1.5, -0.5, 0.25, -1.75, 0.625], [1e6, 1_000_002.0, 999_999.5, 1e6, 1e6]),
    ("an outlier", [0.5, -0.5, 0.25, -1.75, 0.625], [0.5, -0.5, 0.25, 1e4, 0.75]),
    ("masked both", [1.5, NONE, 0.25, -1.75, NONE], [0.0, NONE, -1.0, 0.5, NONE]),
    ("masked student", [1.5, -0.5, NONE, -1.75, 0.5], [0.0, 2.0, -1.0, 0.5, 3.0]),
    ("masked teacher", [1.5, -0.5, 0.25, -1.75, 0.5], [0.0, 2.0, NONE, 0.5, 3.0]),
    ("masked by a number", [1.5, -0.5, f32::MIN, 1.0, 0.5], [0.0, 2.0, f32::MIN, 0.5, 3.0]),
    ("huge", [3e38, -3e38, 1.0, 0.0, -1.0], [-3e38, 3e38, 0.0, 1.0, 2e38]),
    ("tiny", [1e-10, 2e-10, -1e-10, 0.0, 1e-11], [-1e-10, 0.0, 1e-10, 1e-10, 3e-10]),
    ("the greatest apart", [5.0, 0.0, 1.0, 0.5, -0.5], [-100.0, 0.0, 1.0, 0.25, -0.5]),
];

#[test]
fn all_temperatures() {
    let student: Vec<f32> = PAIRS.iter().flat_map(|pair| pair.1).collect();
    let teacher: Vec<f32> = PAIRS.iter().flat_map(|pair| pair.2).collect();
    for function in BOTH {
        for temperature in [
            1e-15, 1e-7, 1e-3, 0.25, 0.7, 1.0, 3.0, 15.0, 16.0, 17.0, 100.0, 1e3, 1e5, 1e7, 1e10,
            1e12, 1e15,
        ] {
            let options = options(function, temperature);
            for engine in engines() {
                check(engine, [&student, &teacher], 5, &options, |row| PAIRS[row].0.into());
            }
        }
    }
}

/// One class: nothing; two: of one number.
#[test]
fn few_classes() {
    for function in BOTH {
        for temperature in [1e-15, 1.0, 1e5, 1e15] {
            let options = options(function, temperature);
            for engine in engines() {
                check(engine, [&[3.0, -1e30], &[-2.0, 0.1]], 1, &options, |_| "one".into());
                let rows = [&[0.5, 1.0, 7.0, 7.0][..], &[1.0, 0.75, -1e30, 0.0]];
                check(engine, rows, 2, &options, |_| "two".into());
            }
        }
    }
}
