//! Choices from bytes: any bytes make some call, so that a fuzzer may change them as it likes.

use wgpu_loss::{
    Axis, CrossEntropy, Denominator, Element, GradientPlace, Input, Mode, Pass, Reduce, Reduction,
    RowOutputs, Shape, Statistic, UpstreamSource, WeightLayout,
};

/// Choices yet to be made.
pub struct Draw<'a> {
    /// Bytes not yet used; zeros follow the last.
    rest: &'a [u8],
    /// Whether there are mistakes among them.
    has_mistakes: bool,
}

impl<'a> Draw<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut draw = Self { rest: bytes, has_mistakes: false };
        draw.has_mistakes = draw.byte() % 4 == 3;
        draw
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    pub fn is(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Now and then, in calls that have mistakes.
    pub fn is_mistake(&mut self) -> bool {
        self.has_mistakes && self.byte() & 15 == 15
    }

    pub fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }

    /// Of any magnitude up to so many bits.
    pub fn size(&mut self, bits: u8) -> u64 {
        let bits = self.byte() % (bits + 1);
        match bits {
            0 => u64::from(self.is()),
            64.. => self.word(),
            bits => {
                let bytes = bits.div_ceil(8);
                let word = (0..bytes).fold(0, |word, _| word << 8 | u64::from(self.byte()));
                word & ((1 << bits) - 1)
            }
        }
    }

    /// Of bits, so infinite and no number at all as well.
    pub fn float(&mut self) -> f32 {
        match self.is_mistake() {
            true => f32::from_bits(self.word() as u32),
            false => self.of(&[0.0, 0.1, 1.0, 0.5, 30.0]),
        }
    }

    pub fn element(&mut self) -> Element {
        self.of(&Element::ALL)
    }

    fn any_element(&mut self) -> Option<Element> {
        if self.is() { Some(self.element()) } else { None }
    }

    /// Mostly of thousands of elements, and of rows that do not overlap.
    pub fn shape(&mut self) -> Shape {
        let element = self.element();
        if self.is_mistake() {
            let [rows, classes, inner, row_stride] =
                std::array::from_fn(|_| self.size(64) as usize);
            return Shape { rows, classes, inner, row_stride, element };
        }
        let bits = self.of(&[4, 8, 10, 16]);
        let [outer, classes] = [bits, 16 - bits / 2].map(|bits| self.size(bits) as usize);
        let inner = if self.byte().is_multiple_of(4) { self.size(6) as usize } else { 1 };
        let shape = Shape::with_class_axis(outer, classes, inner).with_element(element);
        self.with_gap(shape)
    }

    /// The same rows with or without a gap between them.
    fn with_gap(&mut self, shape: Shape) -> Shape {
        let gap = if self.is() { self.size(5) as usize } else { 0 };
        shape.with_row_stride(shape.contiguous().row_stride.saturating_add(gap))
    }

    /// A shape for values beside others.
    pub fn shape_like(&mut self, shape: Shape) -> Shape {
        if self.is_mistake() {
            return self.shape();
        }
        let element = self.element();
        self.with_gap(shape.with_element(element))
    }

    pub fn place(&mut self, shape: Shape) -> GradientPlace {
        match self.byte() % 3 {
            0 => GradientPlace::InPlace,
            1 => GradientPlace::Separate,
            _ => GradientPlace::SeparateWithRowStride(self.with_gap(shape).row_stride),
        }
    }

    pub fn pass(&mut self, shape: Shape) -> Pass {
        let upstream =
            self.of(&[UpstreamSource::Scalar, UpstreamSource::OneInBuffer, UpstreamSource::PerRow]);
        match self.byte() % 4 {
            0 => Pass::Forward { save_state: false },
            1 => Pass::Forward { save_state: true },
            2 => Pass::Fused { gradient: self.place(shape), upstream },
            _ => Pass::Backward { gradient: self.place(shape), upstream },
        }
    }

    pub fn cross_entropy(&mut self) -> CrossEntropy {
        let mut options = CrossEntropy {
            reduction: self.of(&[
                Reduction::None,
                Reduction::Sum,
                Reduction::Mean,
                Reduction::BatchMean,
                Reduction::ElementMean,
            ]),
            mode: self.of(&[Mode::Strict, Mode::Masked]),
            gradient_element: self.any_element(),
            ..CrossEntropy::default()
        };
        if self.is() {
            options.input = self.of(&[Input::Logits, Input::Logits, Input::LogProbabilities]);
            options.ignore_index = if self.is() { Some(self.word() as i32) } else { None };
            options.label_smoothing = self.float();
            options.z_loss = self.float();
            options.logit_scale = self.float();
            options.softcap = if self.is() { Some(self.float()) } else { None };
        }
        if self.is() {
            let flags = self.byte();
            let flag = |bit: u8| flags >> bit & 1 == 1;
            options.rows = RowOutputs {
                loss: flag(0),
                log_sum_exp: flag(1),
                target_log_probability: flag(2),
                entropy: flag(3),
                argmax: flag(4),
                target_rank: flag(7),
                z_loss: flag(5),
            };
            options.correct = flag(6);
            options.top_k = self.of(&[1, 1, 2, u32::from(flags)]);
        }
        options
    }

    pub fn reduce(&mut self) -> Reduce {
        let correction = self.float();
        Reduce {
            statistic: self.of(&[
                Statistic::Sum,
                Statistic::Mean,
                Statistic::SumOfSquares,
                Statistic::MeanAndVariance { correction },
                Statistic::Max,
                Statistic::Min,
                Statistic::LogSumExp,
            ]),
            axis: self.of(&[Axis::EachRow, Axis::EachColumn, Axis::All]),
            mode: self.of(&[Mode::Strict, Mode::Masked]),
            denominator: self.of(&[Denominator::Weights, Denominator::NonzeroWeights]),
            gradient_element: self.any_element(),
            weight_gradient: self.is(),
        }
    }

    pub fn weights(&mut self, values: Shape) -> WeightLayout {
        match self.byte() % 4 {
            0 => WeightLayout::None,
            1 => WeightLayout::PerRow,
            2 => WeightLayout::PerColumn,
            _ => WeightLayout::PerElement(self.shape_like(values)),
        }
    }
}
