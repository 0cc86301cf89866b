//! A batch with all its buffers, what the oracle says about it, and how far a kernel may be off.

use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, CrossEntropyOutput, Gpu, GradientPlace, LogSumExpOperands,
    LogSumExpOutput, Logits, Pass, Reduction, RowOutputs, Shape, Totals, Upstream, UpstreamOperand,
    UpstreamSource, cpu,
};

use crate::device::{Memory, POISON};

/// Every value of a row is wanted.
pub const ALL: RowOutputs = RowOutputs { loss: true, log_sum_exp: true, argmax: true };

/// Relative error of losses and log-sum-exps; error of a gradient over its upstream factor.
const TOLERANCE: f64 = 2e-6;

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
        let factors = (0..shape.rows).map(|row| 0.75 + 0.5 * (row % 9) as f32).collect();
        Self { shape, logits, targets, factors }
    }

    pub fn contiguous(rows: usize, classes: usize) -> Self {
        Self::new(Shape::new(rows, classes))
    }

    /// Some of the rows, as a batch of their own, in their order here.
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let mut selected = Self { logits: Vec::new(), ..self.clone() };
        selected.targets.clear();
        selected.factors.clear();
        for row in rows {
            selected.logits.extend_from_slice(self.view().row(row));
            selected.targets.push(self.targets[row]);
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
            to[..shape.classes].copy_from_slice(self.view().row(row));
        }
        Self { shape, logits, ..self.clone() }
    }

    fn view(&self) -> Logits<'_> {
        let Shape { rows, classes, row_stride } = self.shape;
        Logits::with_row_stride(&self.logits, rows, classes, row_stride).expect("a valid shape")
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
    ) -> CrossEntropyOutput<f64> {
        let options = CrossEntropy { rows: ALL, ..*options };
        cpu::Oracle
            .cross_entropy_f64(self.view(), &self.targets, Some(self.upstream(source)), &options)
            .expect("the oracle takes what the kernels take")
    }

    pub fn log_sum_exp(&self, source: UpstreamSource) -> LogSumExpOutput<f64> {
        cpu::Oracle
            .log_sum_exp_f64(self.view(), Some(self.upstream(source)))
            .expect("the oracle takes what the kernels take")
    }

    /// What the upstream gradient comes to in each row, after a mean has divided it.
    pub fn row_factors(&self, options: &CrossEntropy, source: UpstreamSource) -> Vec<f64> {
        let counted = self.targets.iter().filter(|&&each| Some(each) != options.ignore_index);
        let divisor = if options.reduction == Reduction::Mean { counted.count() } else { 1 };
        let upstream = self.upstream(source);
        let of_row = |row| match upstream {
            Upstream::PerRow(factors) => factors[row],
            Upstream::Scalar(factor) => factor,
        };
        (0..self.shape.rows).map(|row| f64::from(of_row(row)) / divisor as f64).collect()
    }
}

/// A batch on the device, each operand in a buffer of its own and all at the same byte offset.
pub struct Buffers {
    pub gpu: Gpu,
    shape: Shape,
    gradient_stride: usize,
    scalar: f32,
    pub logits: Memory,
    pub targets: Memory,
    pub gradient: Memory,
    pub loss: Memory,
    pub log_sum_exp: Memory,
    pub argmax: Memory,
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
        let gradient = shape.with_row_stride(gradient_stride).extent().expect("a small shape");
        Self {
            gpu: gpu.clone(),
            shape,
            gradient_stride,
            scalar: problem.factors[0],
            logits: Memory::of(gpu, offset, &problem.logits),
            targets: Memory::of(gpu, offset, &problem.targets),
            gradient: output(gradient),
            loss: output(shape.rows),
            log_sum_exp: output(shape.rows),
            argmax: output(shape.rows),
            // States are 8 bytes each, and lie on multiples of that.
            state: Memory::poisoned(gpu, offset.next_multiple_of(8), 2 * shape.rows),
            totals: output(4),
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

    /// Exactly the operands that the pass asks for.
    pub fn cross_entropy(&self, options: &CrossEntropy, pass: Pass) -> CrossEntropyOperands<'_> {
        let forward = !matches!(pass, Pass::Backward { .. });
        let rows = options.rows;
        let reads_totals = forward || options.reduction == Reduction::Mean;
        CrossEntropyOperands {
            gradient: is_separate(pass).then(|| self.gradient.slice()),
            loss: (forward && (rows.loss || options.reduction == Reduction::None))
                .then(|| self.loss.slice()),
            log_sum_exp: (forward && rows.log_sum_exp).then(|| self.log_sum_exp.slice()),
            argmax: (forward && rows.argmax).then(|| self.argmax.slice()),
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

    pub fn read_loss(&self) -> Vec<f32> {
        self.loss.read(&self.gpu)
    }

    pub fn read_log_sum_exp(&self) -> Vec<f32> {
        self.log_sum_exp.read(&self.gpu)
    }

    pub fn read_argmax(&self) -> Vec<u32> {
        self.argmax.read(&self.gpu)
    }

    /// The gradient, wherever the pass put it; the logits are unchanged where it is not there.
    pub fn read_gradient(&self, pass: Pass) -> Vec<f32> {
        let Shape { classes, row_stride, .. } = self.shape;
        if is_separate(pass) {
            assert!(self.logits.is_unchanged(&self.gpu), "the logits were written");
            self.gradient.read_rows(&self.gpu, classes, self.gradient_stride)
        } else {
            self.logits.read_rows(&self.gpu, classes, row_stride)
        }
    }

    /// Everything that only a test of the same bits compares, as bits.
    pub fn read_bits(&self, pass: Pass) -> Bits {
        let words = |memory: &Memory| memory.read::<u32>(&self.gpu);
        Bits {
            loss: words(&self.loss),
            log_sum_exp: words(&self.log_sum_exp),
            argmax: words(&self.argmax),
            totals: words(&self.totals),
            gradient: self.read_gradient(pass).into_iter().map(f32::to_bits).collect(),
        }
    }
}

/// Results, to be compared bit by bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Bits {
    pub loss: Vec<u32>,
    pub log_sum_exp: Vec<u32>,
    pub argmax: Vec<u32>,
    pub totals: Vec<u32>,
    pub gradient: Vec<u32>,
}

impl Bits {
    /// One row's results alone; the totals are the batch's, so they are left out.
    pub fn row(&self, row: usize) -> Self {
        let classes = self.gradient.len() / self.loss.len();
        Self {
            loss: vec![self.loss[row]],
            log_sum_exp: vec![self.log_sum_exp[row]],
            argmax: vec![self.argmax[row]],
            totals: Vec::new(),
            gradient: self.gradient[row * classes..(row + 1) * classes].to_vec(),
        }
    }

    /// Fails unless something was computed: the same poison twice proves nothing.
    pub fn assert_written(&self) {
        for words in [&self.loss, &self.log_sum_exp, &self.argmax, &self.totals, &self.gradient] {
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

fn is_separate(pass: Pass) -> bool {
    gradient(pass).is_some_and(|(place, _)| place != GradientPlace::InPlace)
}

fn has_state(pass: Pass) -> bool {
    matches!(pass, Pass::Forward { save_state: true } | Pass::Backward { .. })
}

/// Fails unless each value is within 2e-6 of what it should be, relative to `scale`.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f64], scale: impl Fn(usize) -> f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected).abs();
        // Not `>`: a NaN must fail.
        let close = difference <= TOLERANCE * scale(index).abs();
        assert!(close, "{what}[{index}] is {found:e}, expected {expected:e}");
    }
}

/// Losses: relative to themselves.
#[track_caller]
pub fn assert_losses(found: &[f32], expected: &[f64]) {
    assert_close("loss", found, expected, |row| expected[row]);
}

/// Log-sum-exps: `m + log1p(r)` may cancel, so relative to the larger of the sum and its terms,
/// which the logits bound by 4.
#[track_caller]
pub fn assert_log_sum_exps(found: &[f32], expected: &[f64], problem: &Problem) {
    let view = problem.view();
    assert_close("log-sum-exp", found, expected, |row| {
        let largest = view.row(row).iter().copied().fold(f32::NEG_INFINITY, f32::max);
        expected[row].abs().max(f64::from(largest).abs())
    });
}

/// Gradients: relative to each row's factor.
#[track_caller]
pub fn assert_gradient(found: &[f32], expected: &[f64], factors: &[f64]) {
    let classes = expected.len() / factors.len();
    assert_close("gradient", found, expected, |index| factors[index / classes]);
}
