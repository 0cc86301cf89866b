//! A batch in host memory, and what the oracle says about it.

use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Input, LogSumExpOutput, Logits, Mode, Reduction, RowOutputs,
    Shape, TargetLayout, Targets, Upstream, UpstreamSource, cpu,
};

use crate::memory::POISON;

/// Every value of a row is wanted.
pub const ALL: RowOutputs = RowOutputs::ALL;

/// Every one that there is of parts of a vocabulary.
pub const ALL_OF_PARTS: RowOutputs = RowOutputs { target_rank: false, ..ALL };

/// Every one that there is where targets are probabilities.
pub const ALL_OF_PROBABILITIES: RowOutputs =
    RowOutputs { target_log_probability: false, ..ALL_OF_PARTS };

/// The default options, but that every value of a row is wanted.
pub const MEAN: CrossEntropy = CrossEntropy {
    reduction: Reduction::Mean,
    ignore_index: Some(-100),
    label_smoothing: 0.0,
    z_loss: 0.0,
    logit_scale: 1.0,
    softcap: None,
    input: Input::Logits,
    mode: Mode::Strict,
    rows: ALL,
    correct: false,
    top_k: 1,
    gradient_element: None,
};

#[test]
fn the_usual_options_are_the_defaults() {
    assert_eq!(MEAN, CrossEntropy { rows: ALL, ..Default::default() });
}

/// Sebastiano Vigna's SplitMix64, from a seed on.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From -4 to 4 in steps of 2^-10, so that the difference of two logits is exact.
    fn logit(&mut self) -> f32 {
        ((self.next() >> 51) as f32 - 4096.0) / 1024.0
    }
}

/// A batch in host memory.
#[derive(Clone, Debug)]
pub struct Problem {
    pub shape: Shape,
    /// With poison in the gaps between rows.
    pub logits: Vec<f32>,
    pub targets: Vec<i32>,
    pub class_weights: Vec<f32>,
    pub row_weights: Vec<f32>,
    /// Which of the weights are used; none, unless a test says so.
    pub layout: TargetLayout,
    /// The upstream factors of the rows; the first where one serves for all. None is 1: a kernel
    /// that forgets it must be seen.
    pub factors: Vec<f32>,
}

impl Problem {
    /// Random rows, every seventh of them ignored.
    pub fn new(shape: Shape) -> Self {
        let mut random = Random(shape.rows as u64 ^ (shape.classes as u64) << 32);
        let extent = shape.extent().expect("a small shape");
        let mut logits = vec![f32::from_bits(POISON); extent];
        for row in logits.chunks_mut(shape.row_stride) {
            row[..shape.classes].iter_mut().for_each(|x| *x = random.logit());
        }
        let targets = (0..shape.rows)
            .map(|row| match row % 7 {
                5 => -100,
                _ => (random.next() % shape.classes as u64) as i32,
            })
            .collect();
        let class_weights = (0..shape.classes).map(|class| 0.5 + (class % 5) as f32).collect();
        let row_weights = (0..shape.rows).map(|row| 0.25 + 0.5 * (row % 4) as f32).collect();
        let factors = (0..shape.rows).map(|row| 0.75 + 0.5 * (row % 9) as f32).collect();
        let layout = TargetLayout::default();
        Self { shape, logits, targets, class_weights, row_weights, layout, factors }
    }

    pub fn contiguous(rows: usize, classes: usize) -> Self {
        Self::new(Shape::new(rows, classes))
    }

    /// Some of the rows, as a batch of their own, in their order here.
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let mut selected = Self { logits: Vec::new(), ..self.clone() };
        selected.targets.clear();
        selected.factors.clear();
        selected.row_weights.clear();
        for row in rows {
            selected.logits.extend_from_slice(&self.view().row(row));
            selected.targets.push(self.targets[row]);
            selected.row_weights.push(self.row_weights[row]);
            selected.factors.push(self.factors[row]);
        }
        selected.shape = Shape::new(selected.targets.len(), self.shape.classes);
        selected
    }

    /// The same rows, further apart.
    pub fn with_row_stride(&self, stride: usize) -> Self {
        let shape = Shape::new(self.shape.rows, self.shape.classes).with_row_stride(stride);
        let mut logits = vec![f32::from_bits(POISON); shape.extent().expect("a small shape")];
        for (row, to) in logits.chunks_mut(stride).enumerate() {
            to[..shape.classes].copy_from_slice(&self.view().row(row));
        }
        Self { shape, logits, ..self.clone() }
    }

    pub fn view(&self) -> Logits<'_> {
        let Shape { rows, classes, row_stride, .. } = self.shape;
        Logits::with_row_stride(&self.logits, rows, classes, row_stride).expect("a valid shape")
    }

    pub fn targets(&self) -> Targets<'_> {
        Targets {
            class_weights: self.layout.class_weights.then_some(&self.class_weights[..]),
            row_weights: self.layout.row_weights.then_some(&self.row_weights[..]),
            ..Targets::classes(&self.targets)
        }
    }

    fn upstream(&self, source: UpstreamSource) -> Upstream<'_> {
        match source {
            UpstreamSource::PerRow => Upstream::PerRow(&self.factors),
            _ => Upstream::Scalar(self.factors[0]),
        }
    }

    pub fn cross_entropy(
        &self,
        options: &CrossEntropy,
        source: UpstreamSource,
    ) -> CrossEntropyOutput<f64, Vec<f64>> {
        let options = CrossEntropy { rows: ALL, ..*options };
        cpu::Oracle
            .cross_entropy_f64(self.view(), self.targets(), Some(self.upstream(source)), &options)
            .expect("the oracle takes what the kernels take")
    }

    pub fn log_sum_exp(&self, source: UpstreamSource) -> LogSumExpOutput<f64, Vec<f64>> {
        cpu::Oracle
            .log_sum_exp_f64(self.view(), Some(self.upstream(source)))
            .expect("the oracle takes what the kernels take")
    }

    /// What the upstream gradient comes to in each row, after a mean has divided it; without weights.
    pub fn row_factors(&self, options: &CrossEntropy, source: UpstreamSource) -> Vec<f64> {
        let counted = self.targets.iter().filter(|&&each| Some(each) != options.ignore_index);
        let divisor = match options.reduction {
            Reduction::None | Reduction::Sum => 1,
            Reduction::Mean => counted.count(),
            Reduction::BatchMean => self.shape.rows,
            Reduction::ElementMean => self.shape.rows * self.shape.classes,
        };
        let upstream = self.upstream(source);
        let of_row = |row| match upstream {
            Upstream::PerRow(factors) => factors[row],
            Upstream::Scalar(factor) => factor,
        };
        (0..self.shape.rows).map(|row| f64::from(of_row(row)) / divisor as f64).collect()
    }
}
