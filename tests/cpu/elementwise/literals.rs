//! Values and derivatives as others compute them: PyTorch 2.15 in double precision where nothing
//! else is said.

use crate::{ENGINES, assert_close, logits};
use wgpu_loss::{
    Axis, BinaryCounts, Elementwise, ElementwiseLoss, ElementwiseOutput, ElementwiseReduction,
    ElementwiseUpstream, Engine, LossFunction, Mode, Weights, cpu,
};

const INFINITY: f32 = f32::INFINITY;
const NAN: f64 = f64::NAN;

/// Input, target, value, derivative.
type Row = (f32, f32, f64, f64);

fn both(operands: &Elementwise<'_>, options: &ElementwiseLoss) -> [ElementwiseOutput; 2] {
    let upstream = ElementwiseUpstream::Scalar(1.0);
    ENGINES
        .map(|engine| engine.elementwise_loss_with_gradient(operands, upstream, options).unwrap())
}

#[track_caller]
fn check_with(function: LossFunction, third: Option<f32>, rows: &[Row]) {
    for &(x, t, value, derivative) in rows {
        let (x, t, third_values) = ([x], [t], [third.unwrap_or(1.0)]);
        let third = match third {
            Some(_) => Weights::PerColumn(&third_values),
            None => Weights::None,
        };
        let operands = match function.has_target() {
            true => Elementwise::new(logits(&x, 1), logits(&t, 1)),
            false => Elementwise::of_input(logits(&x, 1)),
        };
        let operands = operands.with_positive_weights(third);
        for output in both(&operands, &ElementwiseLoss::unreduced(function)) {
            assert_close(output.values[0], value);
            assert_close(output.gradient.unwrap().into_f32()[0], derivative);
        }
    }
}

#[track_caller]
fn check(function: LossFunction, rows: &[Row]) {
    check_with(function, None, rows);
}

/// `binary_cross_entropy_with_logits(x, t)`.
#[test]
fn binary_cross_entropy_with_logits() {
    let infinity = f64::INFINITY;
    check(
        LossFunction::BinaryCrossEntropyWithLogits,
        &[
            (0.5, 0.0, 0.974_076_984_180_106_7, 0.622_459_331_201_854_6),
            (0.5, 1.0, 0.474_076_984_180_106_7, -0.377_540_668_798_145_4),
            (0.5, 0.3, 0.824_076_978_219_570_8, 0.322_459_319_280_925_6), // t = 0.3f32
            (-15.0, 0.0, 3.059_022_741_780_381_7e-7, 3.059_022_269_256_247e-7),
            (-15.0, 1.0, 15.000_000_305_902_274, -0.999_999_694_097_773_1),
            (20.0, 0.0, 20.000_000_002_061_153, 0.999_999_997_938_846_3),
            (20.0, 1.0, 2.061_153_620_314_381e-9, -2.061_153_618_190_204e-9),
            (-100.0, 1.0, 100.0, -1.0),
            (INFINITY, 0.0, infinity, 1.0),
            (INFINITY, 1.0, NAN, 0.0),
            (-INFINITY, 0.0, NAN, 0.0),
            (-INFINITY, 1.0, NAN, -1.0),
            (f32::NAN, 0.0, NAN, NAN),
            (f32::NAN, 1.0, NAN, NAN),
        ],
    );
    // pos_weight = 3
    check_with(
        LossFunction::BinaryCrossEntropyWithLogits,
        Some(3.0),
        &[
            (0.5, 0.0, 0.974_076_984_180_106_7, 0.622_459_331_201_854_6),
            (0.5, 1.0, 1.422_230_952_540_32, -1.132_622_006_394_436),
            (-15.0, 1.0, 45.000_000_917_706_82, -2.999_999_082_293_319),
        ],
    );
}

/// `binary_cross_entropy(x, t)`.
#[test]
fn binary_cross_entropy() {
    check(
        LossFunction::BinaryCrossEntropy,
        &[
            (0.8, 1.0, 0.223_143_53, -1.25),
            (0.2, 1.0, 1.609_437_9, -5.0),
            (0.75, 0.0, 1.386_294_361_119_890_6, 4.0),
            (0.0, 0.0, 0.0, 0.0),
            (0.0, 1.0, 100.0, -1e12),
            (1.0, 0.0, 100.0, 1e12),
            (1.0, 1.0, 0.0, 0.0),
            (1e-6, 0.0, 1.000_000_497_475e-6, 1.000_001), // -log(1 - 1e-6f32)
        ],
    );
}

/// `torchvision.ops.sigmoid_focal_loss(x, t, alpha, gamma)`.
#[test]
fn sigmoid_focal_loss() {
    check(
        LossFunction::SigmoidFocal { alpha: Some(0.25), gamma: 2.0 },
        &[
            (0.5, 0.0, 0.283_058_700_644_557_35, 0.394_613_866_405_937_3),
            (0.5, 1.0, 0.016_893_372_629_375_906, -0.034_484_249_337_728_6),
            (-3.0, 0.0, 8.196_249_337_274_802e-5, 2.361_538_848_662_107_5e-4),
            (-3.0, 1.0, 0.691_570_110_256_315_5, -0.281_687_470_158_722_14),
            (10.0, 0.0, 7.499_353_093_509_676, 0.750_578_768_726_706_8),
            (10.0, 1.0, 2.339_140_240_957_937e-14, -7.017_155_242_515_955e-14),
            (-10.0, 1.0, 2.499_784_364_503_225_4, -0.250_192_922_908_902_94),
            (INFINITY, 0.0, f64::INFINITY, NAN),
            (INFINITY, 1.0, NAN, NAN),
            (-INFINITY, 0.0, NAN, NAN),
            (-INFINITY, 1.0, NAN, NAN),
        ],
    );
    check(
        LossFunction::SigmoidFocal { alpha: None, gamma: 1.5 },
        &[
            (0.5, 0.0, 0.478_365_394_184_062_54, 0.576_590_927_388_759_9),
            (0.5, 1.0, 0.109_975_129_647_900_17, -0.190_263_458_042_673_25),
            (-3.0, 0.0, 5.018_179_943_883_696e-4, 1.206_850_315_143_024_7e-3),
            (-3.0, 1.0, 2.834_306_517_297_994, -1.087_248_249_278_040_6),
        ],
    );
    // gamma = 0: binary cross-entropy, which PyTorch's gradient rounds to 0 at 40.
    check(
        LossFunction::SigmoidFocal { alpha: None, gamma: 0.0 },
        &[
            (0.5, 0.0, 0.974_076_984_180_106_7, 0.622_459_331_201_854_6),
            (40.0, 1.0, 4.248_354_255_291_589e-18, -4.248_354_255_291_589e-18),
        ],
    );
}

/// `kl_div(x, t, log_target=...)`.
#[test]
fn kl_divergence() {
    let infinity = f64::INFINITY;
    check(
        LossFunction::KlDivergence { log_target: false },
        &[
            (-0.5, 0.0, 0.0, 0.0),
            (-0.5, 0.25, -0.221_573_590_279_972_64, -0.25),
            (-0.5, 1.0, 0.5, -1.0),
            (-0.5, -0.5, NAN, 0.5),
            (-INFINITY, 0.0, NAN, 0.0),
            (-INFINITY, 0.25, infinity, -0.25),
            (INFINITY, 0.25, -infinity, -0.25),
            (f32::NAN, 0.25, NAN, -0.25),
            (-0.5, INFINITY, infinity, -infinity),
        ],
    );
    check(
        LossFunction::KlDivergence { log_target: true },
        &[
            (-0.5, -1.0, -0.183_939_720_585_721_17, -0.367_879_441_171_442_33),
            (-0.5, 0.0, 0.5, -1.0),
            (-0.5, -INFINITY, NAN, 0.0),
            (-INFINITY, -1.0, infinity, -0.367_879_441_171_442_33),
            (-INFINITY, -INFINITY, NAN, 0.0),
        ],
    );
}

/// `mse_loss`, `l1_loss`, `huber_loss(delta=0.75)`.
#[test]
fn distances() {
    let infinity = f64::INFINITY;
    let square = [(1.5, -0.5, 4.0, 4.0), (INFINITY, -0.5, infinity, infinity)];
    check(LossFunction::SquaredError, &square);
    check(LossFunction::SquaredError, &[(INFINITY, INFINITY, NAN, NAN)]);
    let absolute = [
        (1.5, -0.5, 2.0, 1.0),
        (-1.5, -0.5, 1.0, -1.0),
        (-0.5, -0.5, 0.0, 0.0),
        (1.5, INFINITY, infinity, -1.0),
    ];
    check(LossFunction::AbsoluteError, &absolute);
    let huber = [
        (1.5, -0.5, 1.218_75, 0.75),
        (-1.5, -0.5, 0.468_75, -0.75),
        (0.25, -0.5, 0.281_25, 0.75),
        (-0.25, -0.5, 0.031_25, 0.25),
        (INFINITY, -0.5, infinity, 0.75),
        (INFINITY, INFINITY, NAN, NAN),
    ];
    check(LossFunction::Huber { delta: 0.75 }, &huber);
}

/// `poisson_nll_loss`.
#[test]
fn poisson() {
    let infinity = f64::INFINITY;
    check(
        LossFunction::PoissonNll { log_input: true, full: true, epsilon: 1e-8 },
        &[
            (0.5, 0.0, 1.648_721_270_700_128_2, 1.648_721_270_700_128_2),
            (0.5, 1.0, 1.148_721_270_700_128_2, 0.648_721_270_700_128_2),
            (0.5, 3.0, 1.912_802_814_243_185, -1.351_278_729_299_871_8),
            (0.5, 2.5, 1.566_531_999_527_266_2, -0.851_278_729_299_871_8),
            (-INFINITY, 0.0, NAN, 0.0),
            (-INFINITY, 1.0, infinity, -1.0),
            (INFINITY, 1.0, NAN, infinity),
        ],
    );
    check(
        LossFunction::PoissonNll { log_input: false, full: false, epsilon: 1e-8 },
        &[
            (0.5, 0.0, 0.5, 1.0),
            (0.5, 1.0, 1.193_147_160_559_945_5, -0.999_999_960_000_000_7),
            (0.0, 0.0, 0.0, 1.0),
            (0.0, 1.0, 18.420_680_743_952_367, -99_999_999.0),
            (2.5, 3.0, -0.248_872_207_622_464_98, -0.199_999_995_2),
            (-1.0, 1.0, NAN, 2.000_000_01),
            (INFINITY, 1.0, NAN, 1.0),
        ],
    );
}

/// `gaussian_nll_loss(x, t, v, eps=1e-6)`: value, and derivatives in input and variance.
#[test]
fn gaussian() {
    let infinity = f64::INFINITY;
    type Row = (f32, f32, f32, [f64; 3]);
    let rows: [Row; 6] = [
        (1.5, 0.5, 0.25, [1.306_852_819_440_054_6, 4.0, -6.0]),
        (1.5, 0.5, 1e-9, [499_993.092_244_721, 1e6, -499_999_500_000.0]),
        (1.0, 1.0, 2.0, [0.346_573_590_279_972_64, 0.0, 0.25]),
        (1.0, 2.0, 0.0, [499_993.092_244_721, -1e6, -499_999_500_000.0]),
        (INFINITY, 0.0, 1.0, [infinity, infinity, -infinity]),
        (0.0, 1.0, INFINITY, [infinity, 0.0, 0.0]),
    ];
    for (full, added) in [(false, 0.0), (true, 0.918_938_533_204_672_7)] {
        for (x, t, v, [value, derivative, of_variance]) in rows {
            let (x, t, v) = ([x], [t], [v]);
            let operands = Elementwise::new(logits(&x, 1), logits(&t, 1))
                .with_variance(Weights::PerElement(logits(&v, 1)));
            let function = LossFunction::GaussianNll { full, epsilon: 1e-6 };
            for output in both(&operands, &ElementwiseLoss::unreduced(function)) {
                assert_close(output.values[0], value + added);
                assert_close(output.gradient.unwrap().into_f32()[0], derivative);
                assert_close(output.variance_gradient.unwrap().into_f32()[0], of_variance);
            }
        }
    }
}

/// By hand, of the distributions (0.6, 0.4) and (0.7, 0.3).
#[test]
fn entropies_of_rows() {
    let (p, q) = ([0.6, 0.4], [0.7, 0.3]);
    let operands = Elementwise::new(logits(&q, 2), logits(&p, 2));
    let rows = [
        // -(0.6 log 0.7 + 0.4 log 0.3)
        (LossFunction::CrossEntropyOfProbabilities, 0.695_594_09, [-0.857_142_9, -1.333_333_3]),
        // 0.6 log(6/7) + 0.4 log(4/3)
        (LossFunction::KlDivergenceOfProbabilities, 0.022_582_42, [-0.857_142_9, -1.333_333_3]),
    ];
    for (function, value, gradient) in rows {
        for output in both(&operands, &ElementwiseLoss::of_rows(function)) {
            assert!((f64::from(output.values[0]) - value).abs() < 1e-7, "{}", output.values[0]);
            let found = output.gradient.unwrap().into_f32();
            found.iter().zip(gradient).for_each(|(&found, exact)| assert_close(found, exact));
        }
    }
    // -(0.7 log 0.7 + 0.3 log 0.3), and derivatives -1 - log q
    let operands = Elementwise::of_input(logits(&q, 2));
    for output in both(&operands, &ElementwiseLoss::of_rows(LossFunction::Entropy)) {
        assert_close(output.values[0], 0.610_864_302_054_893_5);
        let gradient = output.gradient.unwrap().into_f32();
        assert!(
            (gradient[0] + 0.643_325_1).abs() < 2e-6 && (gradient[1] - 0.203_972_8).abs() < 2e-6
        );
    }
    // 0 log 0 = 0, and a log 0 that counts.
    let (zero, one) = ([0.0, 1.0], [1.0, 0.0]);
    for mode in [Mode::Strict, Mode::Masked] {
        for (function, value) in [
            (LossFunction::CrossEntropyOfProbabilities, f64::INFINITY),
            (LossFunction::KlDivergenceOfProbabilities, f64::INFINITY),
        ] {
            let options = ElementwiseLoss { mode, ..ElementwiseLoss::of_rows(function) };
            for engine in ENGINES {
                let run = |x, t| engine.elementwise_loss(&Elementwise::new(x, t), &options);
                assert_close(run(logits(&zero, 2), logits(&one, 2)).unwrap().values[0], value);
                assert_close(run(logits(&zero, 2), logits(&zero, 2)).unwrap().values[0], 0.0);
            }
        }
        let options = ElementwiseLoss { mode, ..ElementwiseLoss::of_rows(LossFunction::Entropy) };
        for engine in ENGINES {
            let operands = Elementwise::of_input(logits(&zero, 2));
            assert_eq!(engine.elementwise_loss(&operands, &options).unwrap().values, [0.0]);
        }
    }
}

/// By hand: losses 1, 4, 9, 16 with weights 1, 2, 3, 4.
#[test]
fn reductions() {
    let (x, t, w) = ([1.0, 2.0, 3.0, 4.0], [0.0; 4], [1.0, 2.0, 3.0, 4.0]);
    let operands = Elementwise::new(logits(&x, 2), logits(&t, 2))
        .with_weights(Weights::PerElement(logits(&w, 2)));
    use Axis::{All, EachColumn, EachRow};
    use ElementwiseReduction::{BatchMean, Mean, None, Sum, WeightedMean};
    let rows: [(_, _, &[f64], [f64; 4]); 9] = [
        (None, All, &[1.0, 8.0, 27.0, 64.0], [2.0, 8.0, 18.0, 32.0]),
        (Sum, All, &[100.0], [2.0, 8.0, 18.0, 32.0]),
        (Mean, All, &[25.0], [0.5, 2.0, 4.5, 8.0]),
        (WeightedMean, All, &[10.0], [0.2, 0.8, 1.8, 3.2]),
        (BatchMean, All, &[50.0], [1.0, 4.0, 9.0, 16.0]),
        (Mean, EachRow, &[4.5, 45.5], [1.0, 4.0, 9.0, 16.0]),
        (WeightedMean, EachRow, &[3.0, 13.0], [2.0 / 3.0, 8.0 / 3.0, 18.0 / 7.0, 32.0 / 7.0]),
        (Sum, EachColumn, &[28.0, 72.0], [2.0, 8.0, 18.0, 32.0]),
        (WeightedMean, EachColumn, &[7.0, 12.0], [0.5, 4.0 / 3.0, 4.5, 16.0 / 3.0]),
    ];
    for (reduction, axis, values, gradient) in rows {
        let function = LossFunction::SquaredError;
        let options = ElementwiseLoss { reduction, axis, ..ElementwiseLoss::new(function) };
        for output in both(&operands, &options) {
            assert_eq!(output.values.len(), values.len());
            output
                .values
                .iter()
                .zip(values)
                .for_each(|(&found, &exact)| assert_close(found, exact));
            let found = output.gradient.unwrap().into_f32();
            found.iter().zip(gradient).for_each(|(&found, exact)| assert_close(found, exact));
        }
    }
}

#[test]
fn counts() {
    let (x, t) = ([2.0, -1.0, 0.5, 0.0, 3.0], [1.0, 1.0, 0.0, 0.0, 1.0]);
    let operands = Elementwise::new(logits(&x, 1), logits(&t, 1));
    let function = LossFunction::BinaryCrossEntropyWithLogits;
    let options = ElementwiseLoss { threshold: Some(0.0), ..ElementwiseLoss::new(function) };
    let all = BinaryCounts {
        true_positives: 2,
        false_positives: 1,
        true_negatives: 1,
        false_negatives: 1,
    };
    for engine in ENGINES {
        let found = engine.elementwise_loss(&operands, &options).unwrap().counts;
        assert_eq!(found, Some(all));
        let weighted = operands.with_weights(Weights::PerRow(&[0.0, 1.0, 1.0, 1.0, 1.0]));
        let found = engine.elementwise_loss(&weighted, &options).unwrap().counts;
        assert_eq!(found, Some(BinaryCounts { true_positives: 1, ..all }));
    }
    assert_eq!((all.total(), all.accuracy(), all.precision()), (5, 0.6, 2.0 / 3.0));
    assert_eq!(all.recall(), 2.0 / 3.0);
}

/// `Masked`: what has weight 0 counts nothing, whatever it holds.
#[test]
fn masked() {
    let (x, t) = ([INFINITY, 1.0, f32::NAN], [1.0, 0.0, 0.0]);
    let operands = Elementwise::new(logits(&x, 1), logits(&t, 1))
        .with_weights(Weights::PerRow(&[1.0, 1.0, 0.0]));
    let function = LossFunction::BinaryCrossEntropyWithLogits;
    let options = ElementwiseLoss { mode: Mode::Masked, ..ElementwiseLoss::new(function) };
    for output in both(&operands, &options) {
        assert_close(output.values[0], 1.313_261_687_518_222_8 / 3.0); // log(1 + e) / 3
        let gradient = output.gradient.unwrap().into_f32();
        assert_eq!((gradient[0], gradient[2]), (0.0, 0.0));
    }
    let strict = ElementwiseLoss { mode: Mode::Strict, ..options };
    assert!(cpu::Fast.elementwise_loss(&operands, &strict).unwrap().values[0].is_nan());
}
