//! Random calls for property tests of any engine.

use proptest::prelude::*;
use wgpu_loss::verify::{check_cross_entropy, check_log_sum_exp};
use wgpu_loss::{CrossEntropy, Engine, Logits, Reduction, RowOutputs, Shape, Upstream};

/// Logits of every size, off any grid, with special values in some rows.
fn value(special: bool) -> impl Strategy<Value = f32> {
    let ordinary = prop_oneof![
        8 => -5f32..5.0,
        2 => -120f32..120.0,
        1 => Just(0.0),
        1 => Just(3.25),
    ];
    let rare = prop_oneof![
        4 => Just(f32::NEG_INFINITY),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NAN),
        1 => Just(-f32::NAN),
        1 => Just(f32::MAX),
        1 => Just(f32::MIN),
        1 => Just(1e-40f32),
        1 => Just(-0.0),
    ];
    prop_oneof![
        30 => ordinary,
        if special { 1 } else { 0 } => rare,
    ]
}

/// One call of every operation; shrinks to few rows, few classes and plain numbers.
#[derive(Clone, Debug)]
pub struct Call {
    shape: Shape,
    values: Vec<f32>,
    targets: Vec<i32>,
    factors: Vec<f32>,
    scalar: f32,
    gradient: bool,
    options: CrossEntropy,
}

impl Call {
    fn logits(&self) -> Logits<'_> {
        let Shape { rows, classes, row_stride } = self.shape;
        Logits::with_row_stride(&self.values, rows, classes, row_stride).expect("a legal view")
    }

    fn upstream(&self, per_row: bool) -> Option<Upstream<'_>> {
        let upstream =
            if per_row { Upstream::PerRow(&self.factors) } else { Upstream::Scalar(self.scalar) };
        self.gradient.then_some(upstream)
    }

    /// Compares an engine's results with the oracle's.
    pub fn check(&self, engine: &dyn Engine) -> Result<(), TestCaseError> {
        let per_row = self.options.reduction == Reduction::None;
        let upstream = self.upstream(per_row);
        let (logits, options) = (self.logits(), &self.options);
        let result = check_cross_entropy(engine, logits, &self.targets, upstream, options);
        prop_assert!(result.passed(), "{}: {:?}", engine.name(), result.failure);
        let result = check_log_sum_exp(engine, logits, self.upstream(true));
        prop_assert!(result.passed(), "{}: {:?}", engine.name(), result.failure);
        Ok(())
    }
}

/// Any shape, stride, option and special value.
pub fn call() -> impl Strategy<Value = Call> {
    let classes = prop_oneof![1usize..4, 1usize..40, 240usize..280, 1usize..700];
    let shape = (0usize..6, classes, 0usize..5, any::<bool>());
    let options = (
        prop_oneof![Just(Reduction::None), Just(Reduction::Sum), Just(Reduction::Mean)],
        any::<[bool; 3]>(),
        prop_oneof![Just(None), Just(Some(-100)), Just(Some(0))],
    );
    (shape, options, -3f32..3.0, any::<bool>()).prop_flat_map(
        |((rows, classes, gap, special), (reduction, wanted, ignore_index), scalar, gradient)| {
            let shape = Shape::new(rows, classes).with_row_stride(classes + gap);
            let [loss, log_sum_exp, argmax] = wanted;
            let rows_wanted = RowOutputs { loss, log_sum_exp, argmax };
            let options = CrossEntropy { reduction, ignore_index, rows: rows_wanted };
            let target = (0..classes as i32, any::<bool>()).prop_map(move |(class, ignored)| {
                ignore_index.filter(|_| ignored).unwrap_or(class)
            });
            let extent = shape.extent().expect("a small shape");
            (
                prop::collection::vec(value(special), extent),
                prop::collection::vec(target, rows),
                prop::collection::vec(-3f32..3.0, rows),
            )
                .prop_map(move |(values, targets, factors)| Call {
                    shape,
                    values,
                    targets,
                    factors,
                    scalar,
                    gradient,
                    options,
                })
        },
    )
}
