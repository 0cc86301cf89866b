//! `cpu::Fast` against the oracle on random calls of any shape, option and special value; what fails
//! shrinks to a readable call.

use proptest::prelude::*;
use wgpu_loss::{
    CrossEntropy, Element, Engine, Logits, Mode, OwnedValues, Reduction, RowOutputs, Shape,
    Targets, Upstream, cpu,
};

use crate::ALL_ROWS;

#[derive(Clone, Debug)]
struct Call {
    shape: Shape,
    values: Vec<f32>,
    probabilities: Option<Vec<f32>>,
    classes: Vec<i64>,
    class_weights: Option<Vec<f32>>,
    row_weights: Option<Vec<f32>>,
    factors: Vec<f32>,
    element: Element,
    options: CrossEntropy,
}

fn value(special: bool) -> impl Strategy<Value = f32> {
    let ordinary = prop_oneof![8 => -5f32..5.0, 2 => -80f32..80.0, 1 => Just(0.0), 1 => Just(3.25)];
    let rare = prop_oneof![
        4 => Just(f32::NEG_INFINITY),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NAN),
        1 => Just(-0.0),
    ];
    prop_oneof![30 => ordinary, if special { 1 } else { 0 } => rare]
}

fn weight() -> impl Strategy<Value = f32> {
    prop_oneof![3 => 0.1f32..3.0, 1 => Just(0.0), 1 => Just(1.0)]
}

fn random_options() -> impl Strategy<Value = CrossEntropy> {
    let transform = (
        prop_oneof![2 => Just(1.0), 1 => -2f32..2.0, 1 => Just(0.0)],
        prop_oneof![2 => Just(None), 1 => (0.5f32..40.0).prop_map(Some)],
    );
    let added = (
        prop_oneof![2 => Just(0.0), 1 => 0f32..1.0, 1 => Just(1.0)],
        prop_oneof![2 => Just(0.0), 1 => 0f32..0.1],
    );
    let ignore_index = prop_oneof![Just(None), Just(Some(-100)), Just(Some(0))];
    let judged = (any::<bool>(), prop_oneof![Just(1u32), 2u32..6]);
    (0..crate::REDUCTIONS.len(), transform, added, ignore_index, judged).prop_map(
        |(reduction, transform, (label_smoothing, z_loss), ignore_index, (masked, top_k))| {
            let (logit_scale, softcap) = transform;
            CrossEntropy {
                top_k,
                reduction: crate::REDUCTIONS[reduction],
                ignore_index,
                label_smoothing,
                z_loss,
                logit_scale,
                softcap,
                mode: if masked { Mode::Masked } else { Mode::Strict },
                rows: ALL_ROWS,
                correct: true,
                ..CrossEntropy::default()
            }
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    let classes = prop_oneof![1usize..4, 1usize..40, 240usize..280];
    let shape = (0usize..4, classes, 1usize..4, 0usize..4, 0..3usize, any::<bool>());
    (shape, random_options(), any::<[bool; 3]>()).prop_flat_map(|(shape, options, present)| {
        let (outer, classes, inner, gap, element, special) = shape;
        let element = Element::ALL[element];
        let shape = Shape::with_class_axis(outer, classes, inner);
        let shape = shape.with_row_stride(classes * inner + gap).with_element(element);
        let extent = shape.extent().expect("a small shape");
        let ignored = options.ignore_index.map(i64::from);
        let target = (0..classes as i64, any::<bool>())
            .prop_map(move |(class, is_ignored)| ignored.filter(|_| is_ignored).unwrap_or(class));
        let probability = prop_oneof![4 => 0f32..1.0, 1 => Just(0.0)];
        (
            prop::collection::vec(value(special), extent),
            prop::collection::vec(probability, extent),
            prop::collection::vec(target, shape.rows),
            prop::collection::vec(weight(), classes),
            prop::collection::vec(weight(), shape.rows),
            prop::collection::vec(-3f32..3.0, shape.rows),
        )
            .prop_map(
                move |(values, probabilities, targets, by_class, by_row, factors)| {
                    let [of_probabilities, of_classes, of_rows] = present;
                    let rows = RowOutputs {
                        target_log_probability: !of_probabilities,
                        target_rank: !of_probabilities,
                        ..ALL_ROWS
                    };
                    let top_k = options.top_k.min(shape.classes as u32);
                    let ignore_index = options.ignore_index.filter(|&i| !of_probabilities || i < 0);
                    let correct = !of_probabilities;
                    Call {
                        shape,
                        values,
                        probabilities: of_probabilities.then_some(probabilities),
                        classes: targets,
                        class_weights: of_classes.then_some(by_class),
                        row_weights: of_rows.then_some(by_row),
                        factors,
                        element,
                        options: CrossEntropy { rows, ignore_index, correct, top_k, ..options },
                    }
                },
            )
    })
}

/// Within `allowed`, or the same special value.
fn near(found: f32, expected: f64, allowed: f64) -> bool {
    let same = f64::from(found) == expected || (found.is_nan() && expected.is_nan());
    same || (f64::from(found) - expected).abs() <= allowed
}

type Rows<T> = Option<Vec<T>>;

fn rows_near(
    name: &str,
    found: &Rows<f32>,
    exact: &Rows<f64>,
    allowed: impl Fn(usize, f64) -> f64,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.is_some(), exact.is_some());
    for (row, (&found, &exact)) in found.iter().flatten().zip(exact.iter().flatten()).enumerate() {
        // Below the smallest normal number nothing is promised.
        let least = f64::from(f32::MIN_POSITIVE);
        let allowed = 2e-6 * exact.abs() + least + allowed(row, exact);
        prop_assert!(
            near(found, exact, allowed),
            "{name} of row {row}: {found:e}, expected {exact:e}"
        );
    }
    Ok(())
}

impl Call {
    fn check(&self) -> Result<(), TestCaseError> {
        let stored = OwnedValues::from_f32(self.values.clone(), self.element);
        let logits = Logits::from_values(stored.values(), self.shape).expect("a legal view");
        let probabilities = self.probabilities.as_ref().map(|values| {
            Logits::from_values(values.as_slice().into(), self.shape).expect("a legal view")
        });
        let targets = Targets {
            class_weights: self.class_weights.as_deref(),
            row_weights: self.row_weights.as_deref(),
            ..probabilities.map_or_else(|| Targets::classes(&self.classes), Targets::probabilities)
        };
        let upstream = match self.options.reduction {
            Reduction::None => Upstream::PerRow(&self.factors),
            _ => Upstream::Scalar(1.5),
        };
        let options = &self.options;
        let exact = cpu::Oracle.cross_entropy_f64(logits, targets, Some(upstream), options);
        let exact = exact.expect("a legal call");
        let found = cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, options);
        let found = found.expect("a legal call");

        // Transformed logits are rounded to single precision, which is part of their error.
        let is_plain = options.logit_scale == 1.0 && options.softcap.is_none();
        let largest = self.values.iter().copied().filter(|x| x.is_finite());
        let largest = largest.fold(0f32, |most, x| most.max(x.abs())) * options.logit_scale.abs();
        let largest = f64::from(options.softcap.map_or(largest, |softcap| largest.min(softcap)));
        let rounding = if is_plain { 0.0 } else { 8.0 * f64::from(f32::EPSILON) * largest };
        let weight = 3.0 * 3.0 * self.shape.classes as f64;
        // Near 0 an lse is what is left of numbers of the logits' size.
        let of_lse = 2e-7 * largest + rounding;

        prop_assert_eq!(&found.argmax, &exact.argmax);
        prop_assert_eq!(&found.target_rank, &exact.target_rank);
        prop_assert_eq!((found.counted, found.correct), (exact.counted, exact.correct));
        prop_assert!(near(found.denominator, exact.denominator, 1e-7 * exact.denominator.abs()));
        rows_near("lse", &found.log_sum_exp, &exact.log_sum_exp, |_, _| of_lse)?;
        rows_near("z-loss", &found.z_loss_rows, &exact.z_loss_rows, |row, _| {
            let lse = exact.log_sum_exp.as_ref().map_or(0.0, |lse| lse[row]);
            0.1 * 3.0 * 2.0 * (lse.abs() + of_lse) * of_lse
        })?;
        let log_probability = &found.target_log_probability;
        rows_near("log p", log_probability, &exact.target_log_probability, |_, _| rounding)?;
        rows_near("entropy", &found.entropy, &exact.entropy, |_, _| rounding * (1.0 + largest))?;
        let of_z = 0.1 * 3.0 * 2.0 * (largest + 10.0) * of_lse;
        rows_near("loss", &found.loss_rows, &exact.loss_rows, |_, _| rounding * weight + of_z)?;

        let gradient = found.gradient.expect("asked for");
        prop_assert_eq!(gradient.element(), self.element);
        let exact = exact.gradient.expect("asked for");
        let denominator = match options.reduction {
            Reduction::None | Reduction::Sum => 1.0,
            _ => f64::from(found.denominator).abs().min(1.0),
        };
        let coefficient = self.probabilities.as_ref().map_or(1.0, |_| self.shape.classes as f64);
        let z = 2.0 * f64::from(options.z_loss) * (largest + 10.0);
        let factor = 3.0 * 3.0 * 3.0 * (coefficient + z) / denominator;
        let factor = factor * f64::from(options.logit_scale.abs()).max(1e-3);
        for (at, (found, exact)) in gradient.into_f32().into_iter().zip(exact).enumerate() {
            let half = match self.element {
                Element::F32 => 0.0,
                Element::F16 => exact.abs() * 2f64.powi(-11) + 2f64.powi(-25),
                Element::Bf16 => exact.abs() * 2f64.powi(-8),
            };
            let allowed = (2e-6 + rounding) * factor + half;
            let beyond_half = self.element == Element::F16 && exact.abs() > 65_000.0;
            let is_near = beyond_half || near(found, exact, allowed);
            prop_assert!(is_near, "gradient {at}: {found:e}, expected {exact:e}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn fast_is_close_to_the_oracle(call in call()) {
        call.check()?;
    }
}
