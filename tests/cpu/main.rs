//! The CPU engines, and `verify`, which judges every other engine by them.

mod agreement;
mod buffers;
mod corners;
mod denominators;
mod elements;
mod elementwise;
mod fast;
mod gradients;
mod layouts;
mod literals;
mod many_results;
mod partial;
mod reduce;
mod refusals;
mod rows;
mod softmax;
mod teeth;
mod transformed;
mod verification;
mod weighted;

use wgpu_loss::{
    CrossEntropy, Element, Engine, Logits, OwnedValues, Reduction, RowOutputs, Shape, cpu,
};

/// Both engines; what holds for one has to hold for the other.
const ENGINES: [&dyn Engine; 2] = [&cpu::Oracle, &cpu::Fast];

const REDUCTIONS: [Reduction; 5] = [
    Reduction::None,
    Reduction::Sum,
    Reduction::Mean,
    Reduction::BatchMean,
    Reduction::ElementMean,
];

/// Contiguous logits of so many classes.
fn logits(values: &[f32], classes: usize) -> Logits<'_> {
    Logits::new(values, values.len() / classes, classes).expect("whole rows")
}

/// The values as another element type, which may round them.
fn stored(values: &[f32], element: Element) -> OwnedValues {
    OwnedValues::from_f32(values.to_vec(), element)
}

/// Contiguous logits of so many classes, of any element type.
fn logits_of(values: &OwnedValues, classes: usize) -> Logits<'_> {
    let shape = Shape::new(values.len() / classes, classes);
    Logits::from_values(values.values(), shape).expect("whole rows")
}

/// Every row output that class targets allow.
const ALL_ROWS: RowOutputs = RowOutputs::ALL;

/// The reduction, and every row output that class targets allow.
fn options(reduction: Reduction) -> CrossEntropy {
    CrossEntropy { reduction, rows: ALL_ROWS, correct: true, ..CrossEntropy::default() }
}

/// The same, and every row output that probabilities allow.
fn probability_options(reduction: Reduction) -> CrossEntropy {
    let rows = RowOutputs { target_log_probability: false, target_rank: false, ..ALL_ROWS };
    CrossEntropy { reduction, rows, ..CrossEntropy::default() }
}

#[track_caller]
fn assert_close(found: f32, expected: f64) {
    let same = f64::from(found) == expected || (found.is_nan() && expected.is_nan());
    let near = (f64::from(found) - expected).abs() <= 2e-6 * expected.abs();
    assert!(same || (near && expected.is_finite()), "{found:e}, expected {expected:e}");
}

/// Close in single precision, and rounded once to the element type.
#[track_caller]
fn assert_gradient(found: &OwnedValues, expected: &[f64], scale: f64) {
    let (relative, absolute) = match found.element() {
        Element::F32 => (0.0, 0.0),
        Element::F16 => (2f64.powi(-11), 2f64.powi(-25)),
        Element::Bf16 => (2f64.powi(-8), 0.0),
    };
    assert_eq!(found.len(), expected.len());
    for (index, (found, &expected)) in
        found.clone().into_f32().into_iter().zip(expected).enumerate()
    {
        let allowed = 2e-6 * scale + relative * expected.abs() + absolute;
        let same = f64::from(found) == expected || (found.is_nan() && expected.is_nan());
        let near = (f64::from(found) - expected).abs() <= allowed;
        assert!(same || near, "{index}: {found:e}, expected {expected:e}");
    }
}

#[track_caller]
fn assert_all_nan(values: &[f32]) {
    assert!(!values.is_empty() && values.iter().all(|x| x.is_nan()), "{values:?}");
}

#[track_caller]
fn assert_all_zero(values: &[f32]) {
    assert!(!values.is_empty() && values.iter().all(|&x| x == 0.0), "{values:?}");
}

/// Numbers without order, the same every time.
struct Noise(u64);

impl Noise {
    /// Any of 2^32.
    fn bits(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32
    }

    /// In `low` to `high`.
    fn float(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.bits() >> 8) as f32 / 16_777_216.0
    }

    /// Below `count`.
    fn below(&mut self, count: usize) -> usize {
        self.bits() as usize % count
    }

    fn floats(&mut self, count: usize, low: f32, high: f32) -> Vec<f32> {
        (0..count).map(|_| self.float(low, high)).collect()
    }
}
