//! The oracle itself: known values, finite differences, identities.

use wgpu_loss::{
    CrossEntropy, Engine, Logits, Reduction, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, Targets,
    Upstream, cpu,
};

use super::problem::{Against, Draw, Problem};

const STUDENT: [f32; 3] = [1.5, -0.5, 0.25];
const TEACHER: [f32; 3] = [0.0, 2.0, -1.0];

fn assert_near(found: f64, expected: f64, allowed: f64) {
    assert!((found - expected).abs() <= allowed, "{found} and not {expected}");
}

/// Divergences and their gradients at several temperatures, by NumPy from the definitions.
#[test]
fn the_oracle_knows_divergences() {
    let (kl, js) = (SoftmaxFunction::KlDivergence, SoftmaxFunction::JensenShannon);
    let known = [
        (
            kl,
            1.0,
            1.567_787_298_705_390_7,
            [0.589_118_776_637_179_5, -0.748_611_538_332_164_4, 0.159_492_761_694_984_89],
        ),
        (
            kl,
            5.0,
            1.786_998_836_277_756_5,
            [0.531_228_355_285_444_1, -0.884_642_359_254_943_5, 0.353_414_003_969_499_3],
        ),
        (
            js,
            1.0,
            0.317_828_680_834_902_57,
            [0.074_337_520_169_278_82, -0.091_715_563_717_319_52, 0.017_378_043_548_040_727],
        ),
        (
            js,
            2.0,
            0.408_267_934_290_946_65,
            [0.115_853_905_601_043_25, -0.166_649_264_072_219_4, 0.050_795_358_471_176_15],
        ),
    ];
    for (function, temperature, loss, gradient) in known {
        let options = SoftmaxLoss { temperature, ..SoftmaxLoss::new(function) };
        let student = Logits::new(&STUDENT, 1, 3).unwrap();
        let against = SoftmaxAgainst::teacher(Logits::new(&TEACHER, 1, 3).unwrap());
        let upstream = Some(Upstream::Scalar(1.0));
        let out = cpu::Oracle.softmax_loss_f64(student, against, upstream, &options).unwrap();
        assert_near(out.loss, loss, 1e-14);
        for (found, expected) in out.gradient.unwrap().into_iter().zip(gradient) {
            assert_near(found, expected, 1e-14);
        }
        let itself = SoftmaxAgainst::teacher(student);
        assert_near(
            cpu::Oracle.softmax_loss_f64(student, itself, None, &options).unwrap().loss,
            0.0,
            0.0,
        );
    }
}

#[test]
fn the_oracle_knows_focal_losses() {
    let student = Logits::new(&STUDENT, 1, 3).unwrap();
    for (target, gamma, loss) in [
        (0, 2.0, 0.030_979_717_008_972_386),
        (1, 0.5, 2.237_220_333_024_871_4),
        (2, 0.0, 1.601_951_863_802_801_9),
    ] {
        let options = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma });
        let targets = [target];
        let against = SoftmaxAgainst::Targets(Targets::classes(&targets));
        let out = cpu::Oracle.softmax_loss_f64(student, against, None, &options).unwrap();
        assert_near(out.loss, loss, 1e-14);
    }
    let probabilities = [0.7, 0.2, 0.1];
    let targets = Targets::probabilities(Logits::new(&probabilities, 1, 3).unwrap())
        .with_class_weights(&[1.0, 0.5, 2.0]);
    let options = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma: 1.5 });
    let against = SoftmaxAgainst::Targets(targets);
    let out = cpu::Oracle.softmax_loss_f64(student, against, None, &options).unwrap();
    assert_near(out.loss, 0.470_847_645_622_301_86, 1e-7); // of probabilities in f32
}

/// Without gamma, focal loss is cross-entropy.
#[test]
fn the_oracle_of_no_gamma_is_cross_entropy() {
    for against in [Against::Class, Against::SmoothedClass, Against::Probability] {
        let problem = Problem {
            gamma: 0.0,
            row_weights: true,
            reduction: Reduction::Sum,
            class_weights: true,
            ..Problem::plain(against)
        };
        let data = problem.data();
        let SoftmaxAgainst::Targets(targets) = data.against(&problem) else { unreachable!() };
        let options = CrossEntropy {
            reduction: Reduction::Sum,
            label_smoothing: data.options.label_smoothing,
            ..Default::default()
        };
        let upstream = Some(Upstream::Scalar(-2.0));
        let expected =
            cpu::Oracle.cross_entropy_f64(data.logits(), targets, upstream, &options).unwrap();
        let against = SoftmaxAgainst::Targets(targets);
        let out =
            cpu::Oracle.softmax_loss_f64(data.logits(), against, upstream, &data.options).unwrap();
        assert_near(out.loss, expected.loss, 1e-12 * expected.loss.abs());
        for (found, expected) in out.gradient.unwrap().iter().zip(expected.gradient.unwrap()) {
            assert_near(*found, expected, 1e-13);
        }
    }
}

/// Central differences of the loss, in the student's logits.
#[test]
fn the_oracle_agrees_with_finite_differences() {
    for against in Against::ALL {
        for (gamma, temperature) in [(2.0, 1.0), (0.5, 2.0), (1.0, 0.5)] {
            let problem = Problem {
                rows: 3,
                classes: 5,
                gamma,
                temperature,
                row_weights: true,
                class_weights: true,
                ..Problem::plain(against)
            };
            let data = problem.data();
            let values = data.logits.clone().into_f32();
            let of = |values: &[f32]| {
                let logits = Logits::new(values, 3, 5).unwrap();
                cpu::Oracle.softmax_loss_f64(
                    logits,
                    data.against(&problem),
                    Some(Upstream::Scalar(1.0)),
                    &data.options,
                )
            };
            let gradient = of(&values).unwrap().gradient.unwrap();
            for (at, expected) in gradient.into_iter().enumerate() {
                let (mut above, mut below) = (values.clone(), values.clone());
                above[at] += 1.0 / 512.0;
                below[at] -= 1.0 / 512.0;
                let step = f64::from(above[at]) - f64::from(below[at]);
                let slope = (of(&above).unwrap().loss - of(&below).unwrap().loss) / step;
                assert_near(slope, expected, 2e-5);
            }
        }
    }
}

/// Where student and teacher are close, divergences are half (an eighth) of the variance of the
/// difference of their logits: `KL = sum q (d - mean d)^2 / 2`.
#[test]
fn tiny_divergences_keep_their_digits() {
    let mut draw = Draw(5);
    let teacher: Vec<f32> = (0..1000).map(|_| draw.next() * 4.0 + 100.0).collect();
    let student: Vec<f32> = teacher.iter().map(|y| y + draw.next() * 1e-3).collect();
    let logits = Logits::new(&student, 1, 1000).unwrap();
    let against = SoftmaxAgainst::teacher(Logits::new(&teacher, 1, 1000).unwrap());
    for (function, share) in
        [(SoftmaxFunction::KlDivergence, 0.5), (SoftmaxFunction::JensenShannon, 0.125)]
    {
        let options = SoftmaxLoss::new(function);
        let exps: Vec<f64> = teacher.iter().map(|&y| f64::from(y - 100.0).exp()).collect();
        let total: f64 = exps.iter().sum();
        let d = |i: usize| f64::from(teacher[i]) - f64::from(student[i]);
        let mean: f64 = (0..1000).map(|i| exps[i] / total * d(i)).sum();
        let variance: f64 = (0..1000).map(|i| exps[i] / total * (d(i) - mean).powi(2)).sum();
        let exact = cpu::Oracle.softmax_loss_f64(logits, against, None, &options).unwrap().loss;
        assert_near(exact, share * variance, 1e-3 * exact);
        let fast = cpu::Fast.softmax_loss(logits, against, &options).unwrap().loss;
        assert_near(fast.into(), exact, 2e-6 * exact);
        let device = super::gpu().softmax_loss(logits, against, &options).unwrap().loss;
        assert_near(device.into(), exact, 2e-6 * exact);
    }
}
