//! A batch on the device.

use wgpu_loss::kernel::{Record, Word};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Gpu, GradientPlace, LogSumExpOperands, Pass, Reduction,
    Shape, Totals, UpstreamOperand, UpstreamSource,
};

use crate::memory::{Memory, POISON, bits};
use crate::problem::{ALL, Problem};

/// The record of a row of which every value is wanted.
pub fn all_words() -> Record {
    let words = [
        Word::Loss,
        Word::LogSumExp,
        Word::TargetLogProbability,
        Word::Entropy,
        Word::Argmax,
        Word::TargetRank,
        Word::ZLoss,
    ];
    words.into_iter().fold(Record::NONE, |record, word| record.with(word, true))
}

/// One word of every record.
pub fn column(records: &[u32], record: Record, word: Word) -> Option<Vec<u32>> {
    let (place, words) = (record.place(word)? as usize, record.words() as usize);
    assert!(records.len().is_multiple_of(words), "records are whole");
    Some(records.iter().skip(place).step_by(words).copied().collect())
}

/// A batch on the device, each operand in a buffer of its own and all at the same byte offset.
pub struct Buffers {
    pub gpu: Gpu,
    shape: Shape,
    gradient_shape: Shape,
    scalar: f32,
    has_class_weights: bool,
    has_row_weights: bool,
    pub logits: Memory,
    pub targets: Memory,
    pub class_weights: Memory,
    pub row_weights: Memory,
    pub gradient: Memory,
    /// Records of [`all_words`].
    pub rows: Memory,
    pub log_sum_exp: Memory,
    pub state: Memory,
    pub totals: Memory,
    pub factors: Memory,
    pub one_factor: Memory,
}

impl Buffers {
    pub fn new(gpu: &Gpu, problem: &Problem) -> Self {
        Self::at(gpu, problem, 0, problem.shape.classes)
    }

    /// With rows of the gradient this far apart.
    pub fn at(gpu: &Gpu, problem: &Problem, offset: u64, gradient_stride: usize) -> Self {
        let shape = problem.shape;
        let output = |count| Memory::poisoned(gpu, offset, count);
        let gradient_shape = shape.with_row_stride(gradient_stride);
        Self {
            gpu: gpu.clone(),
            shape,
            gradient_shape,
            scalar: problem.factors[0],
            has_class_weights: problem.layout.class_weights,
            has_row_weights: problem.layout.row_weights,
            logits: Memory::of(gpu, offset, &problem.logits),
            targets: Memory::of(gpu, offset, &problem.targets),
            class_weights: Memory::of(gpu, offset, &problem.class_weights),
            row_weights: Memory::of(gpu, offset, &problem.row_weights),
            gradient: Memory::poisoned_matrix(gpu, offset, gradient_shape),
            rows: output(all_words().words() as usize * shape.rows),
            log_sum_exp: output(shape.rows),
            // States are 8 bytes each, and lie on multiples of that.
            state: Memory::poisoned(gpu, offset.next_multiple_of(8), 2 * shape.rows),
            totals: output(8),
            factors: Memory::of(gpu, offset, &problem.factors),
            one_factor: Memory::of(gpu, offset, &problem.factors[..1]),
        }
    }

    fn upstream(&self, pass: Pass) -> UpstreamOperand<'_> {
        match gradient(pass) {
            Some((_, UpstreamSource::OneInBuffer)) => {
                UpstreamOperand::Buffer(self.one_factor.slice())
            }
            Some((_, UpstreamSource::PerRow)) => UpstreamOperand::Buffer(self.factors.slice()),
            _ => UpstreamOperand::Scalar(self.scalar),
        }
    }

    /// Exactly the operands that the pass asks for. Of each row everything or nothing is wanted.
    pub fn cross_entropy(&self, options: &CrossEntropy, pass: Pass) -> CrossEntropyOperands<'_> {
        let forward = !matches!(pass, Pass::Backward { .. });
        let reads_totals = forward || options.reduction == Reduction::Mean;
        CrossEntropyOperands {
            class_weights: self.has_class_weights.then(|| self.class_weights.slice()),
            row_weights: self.has_row_weights.then(|| self.row_weights.slice()),
            gradient: is_separate(pass).then(|| self.gradient.slice()),
            rows: (forward && options.rows == ALL).then(|| self.rows.slice()),
            state: has_state(pass).then(|| self.state.slice()),
            totals: reads_totals.then(|| self.totals.slice()),
            upstream: self.upstream(pass),
            ..CrossEntropyOperands::new(self.logits.slice(), self.targets.slice())
        }
    }

    pub fn log_sum_exp(&self, pass: Pass) -> LogSumExpOperands<'_> {
        LogSumExpOperands {
            gradient: is_separate(pass).then(|| self.gradient.slice()),
            log_sum_exp: (!matches!(pass, Pass::Backward { .. })).then(|| self.log_sum_exp.slice()),
            state: has_state(pass).then(|| self.state.slice()),
            upstream: self.upstream(pass),
            ..LogSumExpOperands::new(self.logits.slice())
        }
    }

    pub fn read_totals(&self) -> Totals {
        self.totals.read(&self.gpu)[0]
    }

    /// A word of every row, as it lies in memory.
    pub fn read_words(&self, word: Word) -> Vec<u32> {
        column(&self.rows.read::<u32>(&self.gpu), all_words(), word).expect("a word of it")
    }

    /// The same, of a word that is `f32`.
    pub fn read_values(&self, word: Word) -> Vec<f32> {
        self.read_words(word).into_iter().map(f32::from_bits).collect()
    }

    pub fn read_log_sum_exp(&self) -> Vec<f32> {
        self.log_sum_exp.read(&self.gpu)
    }

    /// The gradient, wherever the pass put it; the logits are unchanged where it is not there.
    pub fn read_gradient(&self, pass: Pass) -> Vec<f32> {
        let gradient = if is_separate(pass) {
            assert!(self.logits.is_unchanged(&self.gpu), "the logits were written");
            self.gradient.read_matrix(&self.gpu, self.gradient_shape)
        } else {
            self.logits.read_matrix(&self.gpu, self.shape)
        };
        gradient.into_f32()
    }

    /// Everything that only a test of the same bits compares, as bits.
    pub fn read_bits(&self, pass: Pass) -> Bits {
        let words = |memory: &Memory| memory.read::<u32>(&self.gpu);
        let gradient = wgpu_loss::OwnedValues::F32(self.read_gradient(pass));
        Bits { rows: words(&self.rows), totals: words(&self.totals), gradient: bits(&gradient) }
    }
}

/// Results, to be compared bit by bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Bits {
    pub rows: Vec<u32>,
    pub totals: Vec<u32>,
    pub gradient: Vec<u32>,
}

impl Bits {
    /// One row's results alone; the totals are the batch's, so they are left out.
    pub fn row(&self, row: usize) -> Self {
        let words = all_words().words() as usize;
        let classes = self.gradient.len() / (self.rows.len() / words);
        Self {
            rows: self.rows[row * words..(row + 1) * words].to_vec(),
            totals: Vec::new(),
            gradient: self.gradient[row * classes..(row + 1) * classes].to_vec(),
        }
    }

    /// Fails unless something was computed: the same poison twice proves nothing.
    pub fn assert_written(&self) {
        for words in [&self.rows, &self.totals, &self.gradient] {
            assert!(!words.contains(&POISON), "results are missing");
        }
    }
}

/// The gradient's place and upstream, where the pass has a gradient.
pub fn gradient(pass: Pass) -> Option<(GradientPlace, UpstreamSource)> {
    match pass {
        Pass::Forward { .. } => None,
        Pass::Fused { gradient, upstream } | Pass::Backward { gradient, upstream } => {
            Some((gradient, upstream))
        }
    }
}

pub fn is_separate(pass: Pass) -> bool {
    gradient(pass).is_some_and(|(place, _)| place != GradientPlace::InPlace)
}

fn has_state(pass: Pass) -> bool {
    matches!(pass, Pass::Forward { save_state: true } | Pass::Backward { .. })
}
