//! An engine that plans, binds and records on buffers of the caller's: whatever calls there are can
//! be put to it and compared with the oracle. Every buffer is poisoned around its operand, every
//! result is poisoned before it is computed, and everything that is only read has to stay as it was.

use wgpu_loss::partial::{ClassRange, PartialState};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, CrossEntropyOutput, Element, Engine, Error, Gpu,
    GradientPlace, Kernels, LogSumExp, LogSumExpOperands, LogSumExpOutput, Logits, MergeOperands,
    OwnedValues, Pass, Reduce, ReduceOutput, Result, Segments, Shape, Softmax, SoftmaxOperands,
    SoftmaxPass, Step, TargetValues, Targets, Totals, Upstream, UpstreamOperand, UpstreamSource,
    Weights,
};

use crate::device::run;
use crate::memory::{Memory, POISON, assert_written};
use crate::results::{Results, wants_rows};

/// How gradients come about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Steps {
    Fused,
    /// A forward that saves states, then a backward.
    Two,
}

/// The engine.
#[derive(Clone, Debug)]
pub struct Embedded {
    pub gpu: Gpu,
    pub kernels: Kernels,
    /// Elements in front of the logits, of a gradient or other result shaped like them, and of
    /// everything else, in their buffers.
    pub offsets: [usize; 3],
    pub place: GradientPlace,
    pub steps: Steps,
    /// An upstream gradient that is one number is read from a buffer.
    pub upstream_in_buffer: bool,
}

impl Embedded {
    /// In place and fused, without a byte in front of any operand.
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            gpu: gpu.clone(),
            kernels: gpu.kernels().clone(),
            offsets: [0; 3],
            place: GradientPlace::InPlace,
            steps: Steps::Fused,
            upstream_in_buffer: false,
        }
    }

    pub fn with_offsets(self, offsets: [usize; 3]) -> Self {
        Self { offsets, ..self }
    }

    pub fn with_place(self, place: GradientPlace) -> Self {
        Self { place, ..self }
    }

    pub fn with_kernels(self, kernels: Kernels) -> Self {
        Self { kernels, ..self }
    }

    pub fn in_two_steps(self) -> Self {
        Self { steps: Steps::Two, upstream_in_buffer: true, ..self }
    }

    /// Where results of this type go: in place only over logits of the same type. A gap between
    /// blocks of rows is added to what the block has.
    pub fn place_of(&self, logits: Shape, element: Element) -> GradientPlace {
        match self.place {
            GradientPlace::InPlace if element != logits.element => GradientPlace::Separate,
            GradientPlace::SeparateWithRowStride(gap) => {
                GradientPlace::SeparateWithRowStride(logits.classes * logits.inner + gap)
            }
            place => place,
        }
    }

    /// The shape of results at a place.
    pub fn shape_at(place: GradientPlace, logits: Shape, element: Element) -> Shape {
        match place {
            GradientPlace::InPlace => logits,
            GradientPlace::Separate => logits.contiguous().with_element(element),
            GradientPlace::SeparateWithRowStride(stride) => {
                logits.with_row_stride(stride).with_element(element)
            }
        }
    }

    pub fn upload_logits(&self, logits: Logits<'_>) -> Memory {
        self.upload_matrix(self.offsets[0], logits)
    }

    pub fn upload_matrix(&self, offset: usize, matrix: Logits<'_>) -> Memory {
        let bytes = (offset * matrix.element().bytes()) as u64;
        Memory::of_bytes(&self.gpu, bytes, matrix.values().bytes())
    }

    /// Elements to be read.
    pub fn upload<T: bytemuck::Pod>(&self, data: &[T]) -> Memory {
        Memory::of(&self.gpu, (size_of::<T>() * self.offsets[2]) as u64, data)
    }

    /// Words to be written, on a multiple of so many bytes.
    pub fn output(&self, alignment: usize, words: usize) -> Memory {
        Memory::poisoned(&self.gpu, (alignment * self.offsets[2]) as u64, words)
    }

    pub fn output_matrix(&self, shape: Shape) -> Memory {
        let bytes = (self.offsets[1] * shape.element.bytes()) as u64;
        Memory::poisoned_matrix(&self.gpu, bytes, shape)
    }

    /// The upstream gradient's source, and its buffer.
    pub fn upstream(&self, upstream: Upstream<'_>) -> (UpstreamSource, Option<Memory>) {
        match upstream {
            Upstream::PerRow(factors) => (UpstreamSource::PerRow, Some(self.upload(factors))),
            Upstream::Scalar(factor) if self.upstream_in_buffer => {
                (UpstreamSource::OneInBuffer, Some(self.upload(&[factor])))
            }
            Upstream::Scalar(_) => (UpstreamSource::Scalar, None),
        }
    }

    /// The passes that give the values, and the gradient where there is one.
    pub fn passes(&self, gradient: Option<(GradientPlace, UpstreamSource)>) -> Vec<Pass> {
        match (gradient, self.steps) {
            (None, Steps::Fused) => vec![Pass::Forward { save_state: false }],
            (None, Steps::Two) => vec![Pass::Forward { save_state: true }],
            (Some((gradient, upstream)), Steps::Fused) => vec![Pass::Fused { gradient, upstream }],
            (Some((gradient, upstream)), Steps::Two) => {
                vec![Pass::Forward { save_state: true }, Pass::Backward { gradient, upstream }]
            }
        }
    }

    /// Results shaped like the logits, from wherever they are, without gaps.
    pub fn read_matrix(
        &self,
        logits: &Memory,
        separate: Option<&Memory>,
        shape: Shape,
    ) -> OwnedValues {
        if separate.is_some() {
            self.assert_unchanged([logits]);
        }
        let values = separate.unwrap_or(logits).read_matrix(&self.gpu, shape);
        assert_written(&values);
        values
    }

    pub fn assert_unchanged<'a>(&self, memories: impl IntoIterator<Item = &'a Memory>) {
        for memory in memories {
            assert!(memory.is_unchanged(&self.gpu), "an operand that is only read was written");
        }
    }

    pub fn run(&self, steps: &[Step]) {
        run(&self.gpu, &steps.iter().collect::<Vec<_>>());
    }
}

/// The operand of an upstream gradient.
pub fn upstream_operand<'a>(
    upstream: Upstream<'_>,
    buffer: &'a Option<Memory>,
) -> UpstreamOperand<'a> {
    match (upstream, buffer) {
        (_, Some(buffer)) => UpstreamOperand::Buffer(buffer.slice()),
        (Upstream::Scalar(factor), None) => UpstreamOperand::Scalar(factor),
        (Upstream::PerRow(_), None) => panic!("factors of rows have a buffer"),
    }
}

/// Fails unless every state of so many words has been written, but for an argmax that only parts
/// have.
fn assert_saved(states: &[u32], words: usize) {
    for state in states.chunks(words) {
        let is_missing = |(at, word): (usize, &u32)| *word == POISON && (words, at) != (8, 5);
        assert!(!state.iter().enumerate().any(is_missing), "a state is missing");
    }
}

/// Targets and weights on the device.
pub struct DeviceTargets {
    pub targets: Memory,
    pub is_class: bool,
    pub class_weights: Option<Memory>,
    pub row_weights: Option<Memory>,
}

impl DeviceTargets {
    pub fn new(engine: &Embedded, targets: Targets<'_>) -> Self {
        let (values, is_class) = match targets.values {
            TargetValues::Classes(indices) => {
                let to_i32 = |row| i32::try_from(indices.get(row).expect("a row")).expect("an i32");
                (engine.upload(&(0..indices.len()).map(to_i32).collect::<Vec<_>>()), true)
            }
            TargetValues::Probabilities(probabilities) => {
                (engine.upload_matrix(engine.offsets[2], probabilities), false)
            }
        };
        let upload = |weights: Option<&[f32]>| weights.map(|weights| engine.upload(weights));
        Self {
            targets: values,
            is_class,
            class_weights: upload(targets.class_weights),
            row_weights: upload(targets.row_weights),
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Memory> {
        [&self.targets].into_iter().chain(&self.class_weights).chain(&self.row_weights)
    }
}

/// Refuses what the device found among the targets.
pub fn refuse_invalid(totals: &Totals, targets: Targets<'_>, classes: usize) -> Result<()> {
    let row = totals.first_invalid_row as usize;
    match targets.values {
        TargetValues::Classes(indices) if row != u32::MAX as usize => {
            let value = indices.get(row).expect("a row of the batch");
            let operation = "cross-entropy";
            Err(Error::TargetOutOfRange { operation, row, value, classes })
        }
        _ => Ok(()),
    }
}

impl Engine for Embedded {
    fn name(&self) -> String {
        let Self { offsets, place, steps, .. } = self;
        format!("embedded {place:?} {steps:?} {offsets:?}")
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        let shape = logits.shape();
        let element = options.gradient_element.unwrap_or(shape.element);
        let place = self.place_of(shape, element);
        let device_logits = self.upload_logits(logits);
        let gradient_shape = Self::shape_at(place, shape, element);
        let (source, factors) = upstream.map(|it| self.upstream(it)).unzip();
        let factors = factors.flatten();
        let rows = self.output(4, shape.rows);
        let state = self.output(8, 2 * shape.rows);
        let gradient = (source.is_some() && place != GradientPlace::InPlace)
            .then(|| self.output_matrix(gradient_shape));
        let passes = self.passes(source.map(|source| (place, source)));
        let mut steps = Vec::new();
        for &pass in &passes {
            let plan = options.plan(&self.kernels, shape, pass)?;
            let forward = !matches!(pass, Pass::Backward { .. });
            let has_gradient = !matches!(pass, Pass::Forward { .. });
            steps.push(plan.bind(&LogSumExpOperands {
                log_sum_exp: forward.then(|| rows.slice()),
                gradient: gradient.as_ref().filter(|_| has_gradient).map(Memory::slice),
                state: (self.steps == Steps::Two).then(|| state.slice()),
                upstream: match upstream.filter(|_| has_gradient) {
                    Some(upstream) => upstream_operand(upstream, &factors),
                    None => UpstreamOperand::default(),
                },
                ..LogSumExpOperands::new(device_logits.slice())
            })?);
        }
        self.run(&steps);
        self.assert_unchanged(&factors);
        if self.steps == Steps::Fused {
            self.assert_unchanged([&state]);
        }
        let log_sum_exp = OwnedValues::F32(rows.read(&self.gpu));
        assert_written(&log_sum_exp);
        let read = || self.read_matrix(&device_logits, gradient.as_ref(), gradient_shape);
        let gradient = upstream.is_some().then(read);
        Ok(LogSumExpOutput { log_sum_exp: log_sum_exp.into_f32(), gradient })
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let shape = logits.shape();
        let layout = targets.layout();
        let element = options.gradient_element.unwrap_or(shape.element);
        let place = self.place_of(shape, element);
        let gradient_shape = Self::shape_at(place, shape, element);
        let (source, factors) = upstream.map(|it| self.upstream(it)).unzip();
        let factors = factors.flatten();
        let passes = self.passes(source.map(|source| (place, source)));
        let plan = |pass| options.plan(&self.kernels, shape, &layout, pass);
        let first = plan(passes[0])?;

        let device_logits = self.upload_logits(logits);
        let device_targets = DeviceTargets::new(self, targets);
        let results = Results::new(self, first.record(), shape.rows);
        let words = first.state_bytes() as usize / 4;
        let state = (words > 0).then(|| self.output(4 * words, words * shape.rows));
        let gradient = (source.is_some() && place != GradientPlace::InPlace)
            .then(|| self.output_matrix(gradient_shape));
        let mut steps = Vec::new();
        for &pass in &passes {
            let forward = !matches!(pass, Pass::Backward { .. });
            let has_gradient = !matches!(pass, Pass::Forward { .. });
            steps.push(plan(pass)?.bind(&CrossEntropyOperands {
                class_weights: device_targets.class_weights.as_ref().map(Memory::slice),
                row_weights: device_targets.row_weights.as_ref().map(Memory::slice),
                // Records that only a reduction needs are left to the plan.
                rows: (forward && wants_rows(options)).then(|| results.rows.slice()),
                state: state.as_ref().map(Memory::slice),
                gradient: gradient.as_ref().filter(|_| has_gradient).map(Memory::slice),
                totals: Some(results.totals.slice()),
                upstream: match upstream.filter(|_| has_gradient) {
                    Some(upstream) => upstream_operand(upstream, &factors),
                    None => UpstreamOperand::default(),
                },
                ..CrossEntropyOperands::new(device_logits.slice(), device_targets.targets.slice())
            })?);
        }
        self.run(&steps);
        self.assert_unchanged(device_targets.all().chain(&factors));
        if let Some(state) = &state {
            assert_saved(&state.read(&self.gpu), words);
        }
        let output = results.read(self, options);
        refuse_invalid(&results.totals(self), targets, shape.classes)?;
        let read = || self.read_matrix(&device_logits, gradient.as_ref(), gradient_shape);
        Ok(CrossEntropyOutput { gradient: upstream.is_some().then(read), ..output })
    }

    fn evaluate_softmax(
        &self,
        logits: Logits<'_>,
        upstream: Option<Logits<'_>>,
        options: &Softmax,
    ) -> Result<OwnedValues> {
        let shape = logits.shape();
        let element = options.element.unwrap_or(shape.element);
        let place = self.place_of(shape, element);
        let output_shape = Self::shape_at(place, shape, element);
        let pass = match upstream {
            None => SoftmaxPass::Forward { output: place },
            Some(upstream) => SoftmaxPass::Backward { upstream: upstream.shape(), gradient: place },
        };
        let plan = options.plan(&self.kernels, shape, pass)?;
        let device_logits = self.upload_logits(logits);
        let upstream = upstream.map(|it| self.upload_matrix(self.offsets[2], it));
        let output = (place != GradientPlace::InPlace).then(|| self.output_matrix(output_shape));
        let step = plan.bind(&SoftmaxOperands {
            logits: device_logits.slice(),
            upstream: upstream.as_ref().map(Memory::slice),
            output: output.as_ref().map(Memory::slice),
        })?;
        self.run(&[step]);
        self.assert_unchanged(&upstream);
        Ok(self.read_matrix(&device_logits, output.as_ref(), output_shape))
    }

    fn partial_states(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        let (shape, layout) = (logits.shape(), targets.layout());
        let pass = Pass::Forward { save_state: true };
        let plan = options.plan_part(&self.kernels, shape, classes, &layout, pass)?;
        assert_eq!((plan.state_bytes(), plan.record().words()), (32, 0));
        let device_logits = self.upload_logits(logits);
        let device_targets = DeviceTargets::new(self, targets);
        let state = self.output(32, 8 * shape.rows);
        let totals = self.output(4, 8);
        let step = plan.bind(&CrossEntropyOperands {
            class_weights: device_targets.class_weights.as_ref().map(Memory::slice),
            row_weights: device_targets.row_weights.as_ref().map(Memory::slice),
            state: Some(state.slice()),
            totals: Some(totals.slice()),
            ..CrossEntropyOperands::new(device_logits.slice(), device_targets.targets.slice())
        })?;
        self.run(&[step]);
        self.assert_unchanged(device_targets.all().chain([&device_logits]));
        refuse_invalid(&totals.read(&self.gpu)[0], targets, classes.total)?;
        assert_written(&OwnedValues::F32(state.read(&self.gpu)));
        Ok(state.read(&self.gpu))
    }

    fn cross_entropy_of_states(
        &self,
        states: &[PartialState],
        classes: usize,
        targets: Targets<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let layout = targets.layout();
        let plan = options.plan_merge(&self.kernels, states.len(), 1, classes, &layout)?;
        let device_targets = DeviceTargets::new(self, targets);
        let parts = self.upload(states);
        let results = Results::new(self, plan.record(), states.len());
        let step = plan.bind(&MergeOperands {
            targets: device_targets.is_class.then(|| device_targets.targets.slice()),
            class_weights: device_targets.class_weights.as_ref().map(Memory::slice),
            row_weights: device_targets.row_weights.as_ref().map(Memory::slice),
            rows: wants_rows(options).then(|| results.rows.slice()),
            totals: Some(results.totals.slice()),
            ..MergeOperands::new(parts.slice())
        })?;
        self.run(&[step]);
        self.assert_unchanged(device_targets.all().chain([&parts]));
        let output = results.read(self, options);
        refuse_invalid(&results.totals(self), targets, classes)?;
        Ok(output)
    }

    /// The denominators come from merging the merged states once more.
    fn partial_gradient(
        &self,
        logits: Logits<'_>,
        classes: ClassRange,
        states: &[PartialState],
        targets: Targets<'_>,
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<OwnedValues> {
        let (shape, layout) = (logits.shape(), targets.layout());
        let element = options.gradient_element.unwrap_or(shape.element);
        let place = self.place_of(shape, element);
        let gradient_shape = Self::shape_at(place, shape, element);
        let (source, factors) = self.upstream(upstream);
        let pass = Pass::Backward { gradient: place, upstream: source };
        let plan = options.plan_part(&self.kernels, shape, classes, &layout, pass)?;
        let merge = options.plan_merge(&self.kernels, states.len(), 1, classes.total, &layout)?;

        let device_logits = self.upload_logits(logits);
        let device_targets = DeviceTargets::new(self, targets);
        let parts = self.upload(states);
        let results = Results::new(self, merge.record(), states.len());
        let gradient =
            (place != GradientPlace::InPlace).then(|| self.output_matrix(gradient_shape));
        let class_weights = device_targets.class_weights.as_ref().map(Memory::slice);
        let row_weights = device_targets.row_weights.as_ref().map(Memory::slice);
        let merged = merge.bind(&MergeOperands {
            targets: device_targets.is_class.then(|| device_targets.targets.slice()),
            class_weights,
            row_weights,
            rows: Some(results.rows.slice()),
            totals: Some(results.totals.slice()),
            ..MergeOperands::new(parts.slice())
        })?;
        let step = plan.bind(&CrossEntropyOperands {
            class_weights,
            row_weights,
            gradient: gradient.as_ref().map(Memory::slice),
            state: Some(parts.slice()),
            totals: Some(results.totals.slice()),
            upstream: upstream_operand(upstream, &factors),
            ..CrossEntropyOperands::new(device_logits.slice(), device_targets.targets.slice())
        })?;
        self.run(&[merged, step]);
        self.assert_unchanged(device_targets.all().chain(&factors).chain([&parts]));
        refuse_invalid(&results.totals(self), targets, classes.total)?;
        Ok(self.read_matrix(&device_logits, gradient.as_ref(), gradient_shape))
    }

    fn evaluate_softmax_loss(
        &self,
        _: Logits<'_>,
        _: wgpu_loss::SoftmaxAgainst<'_>,
        _: Option<Upstream<'_>>,
        _: &wgpu_loss::SoftmaxLoss,
    ) -> Result<wgpu_loss::SoftmaxLossOutput> {
        unreachable!("tests/softmax_losses binds its steps itself")
    }

    fn evaluate_elementwise(
        &self,
        _: &wgpu_loss::Elementwise<'_>,
        _: Option<wgpu_loss::ElementwiseUpstream<'_>>,
        _: &wgpu_loss::ElementwiseLoss,
    ) -> Result<wgpu_loss::ElementwiseOutput> {
        unreachable!("tests/elementwise binds its steps itself")
    }

    fn evaluate_reduce(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.reduce_embedded(values, weights, upstream, options)
    }

    fn reduce_segments(
        &self,
        values: Logits<'_>,
        segments: Segments<'_>,
        weights: Weights<'_>,
        options: &Reduce,
    ) -> Result<ReduceOutput> {
        self.reduce_segments_embedded(values, segments, weights, options)
    }
}
