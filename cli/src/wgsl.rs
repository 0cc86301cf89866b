//! `wgsl`: the kernels of an operation as text, planned and bound on a device that computes nothing.

use std::io::Write as _;
use std::process::ExitCode;

use wgpu_loss::kernel::StateKind;
use wgpu_loss::plan::{Program, ProgramDispatch, Tuning};
use wgpu_loss::wgpu::{
    Buffer, BufferDescriptor, BufferSlice, BufferUsages, Device, DeviceDescriptor, Features, Limits,
};
use wgpu_loss::{
    CrossEntropyOperands, ElementwiseLayout, ElementwiseOperands, ElementwisePass,
    ElementwiseReduction, ElementwiseUpstreamLayout, GradientPlace, Kernels, LogSumExp,
    LogSumExpOperands, LossFunction, Pass, ReduceOperands, ReduceSegmentsOperands, Reduction,
    SegmentLayout, Shape, Softmax, SoftmaxAgainstLayout, SoftmaxLossOperands, SoftmaxLossPass,
    SoftmaxOperands, SoftmaxPass, Statistic, Step, TargetLayout, Totals, UpstreamOperand,
    UpstreamSource, WeightLayout,
};

use crate::arguments::{
    AskedAgainst, AskedLoss, AskedSoftmaxLoss, AxisOption, CrossEntropyOptions, LogSumExpOptions,
    Operation, PassOption, PlanOptions, PlannedOperation, ReduceOptions, SoftmaxOptions,
    TargetOptions, UpstreamOption, WeightsAxis, WgslOptions,
};
use crate::eval;
use crate::failure::{Failure, Result};
use crate::output::{self, Output};

/// Most bytes of an operand: the device that computes nothing has them all the same.
const MOST_BYTES: u64 = 1 << 30;

/// Segments where the options do not say how many.
const USUAL_SEGMENTS: usize = 16;

/// Prints the program.
pub fn run(options: &WgslOptions, out: &mut Output) -> Result<ExitCode> {
    let mut program = program(&options.planned)?;
    if let Some(number) = options.planned.plan.dispatch {
        program = only(program, number)?;
    }
    write!(out, "{program}").map_err(Failure::Stdout)?;
    Ok(ExitCode::SUCCESS)
}

/// One dispatch of a program, by its number from 1.
fn only(program: Program, number: usize) -> Result<Program> {
    let of_number = number.checked_sub(1).and_then(|at| program.dispatches.get(at));
    let Some(dispatch) = of_number.cloned() else {
        let expected = program.dispatches.len();
        return Err(Failure::Usage(format!(
            "--dispatch: expected a number from 1 to {expected}, found {number}"
        )));
    };
    let kernels = program.kernels.into_iter().skip(dispatch.kernel).take(1).collect();
    Ok(Program { kernels, dispatches: vec![ProgramDispatch { kernel: 0, ..dispatch }], ..program })
}

/// What the operation dispatches.
pub fn program(planned: &PlannedOperation) -> Result<Program> {
    let PlannedOperation { operation, plan } = planned;
    let planner = Planner::new(plan)?;
    let step = match operation {
        Operation::CrossEntropy(options) => planner.cross_entropy(options),
        Operation::LogSumExp(options) => planner.log_sum_exp(options),
        Operation::Softmax(options) => planner.softmax(options, false),
        Operation::LogSoftmax(options) => planner.softmax(options, true),
        Operation::Reduce(options) => planner.reduce(options),
        Operation::SoftmaxLoss(operation) => planner.softmax_loss(&operation.asked()),
        Operation::Elementwise(operation) => planner.elementwise(&operation.asked()),
    }?;
    Ok(step.program())
}

/// An operand in a buffer of its own, where there is one.
struct Operand(Option<Buffer>);

impl Operand {
    fn slice(&self) -> Option<BufferSlice<'_>> {
        self.0.as_ref().map(|buffer| buffer.slice(..))
    }

    /// That of an operand which is always there.
    fn needed(&self) -> Result<BufferSlice<'_>> {
        self.slice().ok_or_else(|| Failure::Usage("an operand is missing".to_owned()))
    }

    /// An upstream gradient, or the number that stands for it.
    fn upstream(&self, number: f32) -> UpstreamOperand<'_> {
        self.slice().map_or(UpstreamOperand::Scalar(number), UpstreamOperand::Buffer)
    }
}

/// Bytes of a value for each element of a shape.
fn bytes_of(shape: Shape) -> Option<u64> {
    times(shape.extent()?, shape.element.bytes() as u64)
}

/// Bytes of so many things of so many bytes.
fn times(count: usize, bytes: u64) -> Option<u64> {
    (count as u64).checked_mul(bytes)
}

/// A factor, or the place of a buffer of factors.
fn number(upstream: &UpstreamOption) -> f32 {
    match upstream {
        UpstreamOption::Number(number) => *number,
        UpstreamOption::Named(_) => 1.0,
    }
}

/// The device, and what is planned on it.
struct Planner<'a> {
    kernels: Kernels,
    options: &'a PlanOptions,
    shape: Shape,
}

impl<'a> Planner<'a> {
    fn new(options: &'a PlanOptions) -> Result<Self> {
        let capabilities = options.capabilities();
        let (device, _queue) = Device::noop(&DeviceDescriptor {
            required_features: Features::SUBGROUP,
            required_limits: Limits {
                max_storage_buffer_binding_size: capabilities.max_binding_bytes,
                max_buffer_size: capabilities.max_buffer_bytes,
                max_compute_invocations_per_workgroup: capabilities.max_invocations,
                max_compute_workgroup_size_x: capabilities.max_invocations,
                max_compute_workgroup_storage_size: capabilities.max_workgroup_bytes,
                ..Limits::default()
            },
            ..DeviceDescriptor::default()
        });
        let tuning = Tuning::built_in(capabilities.class);
        let kernels = Kernels::with(&device, capabilities, tuning)?;
        Ok(Self { kernels, options, shape: options.shape() })
    }

    /// An operand of so many bytes, if there is one; of more than can be counted: `None`.
    fn operand(&self, is_there: bool, bytes: Option<u64>) -> Result<Operand> {
        if !is_there {
            return Ok(Operand(None));
        }
        let Some(bytes) = bytes.filter(|bytes| *bytes <= MOST_BYTES) else {
            return Err(Failure::Usage(format!(
                "expected operands of at most {}, found {}: the text of a kernel hardly depends on --rows",
                output::bytes(MOST_BYTES),
                bytes.map_or_else(|| "more than can be counted".to_owned(), output::bytes),
            )));
        };
        Ok(Operand(Some(self.kernels.device().create_buffer(&BufferDescriptor {
            label: None,
            size: bytes.next_multiple_of(4).max(4),
            usage: BufferUsages::STORAGE,
            mapped_at_creation: false,
        }))))
    }

    /// What is shaped as the logits.
    fn matrix(&self, is_there: bool) -> Result<Operand> {
        self.operand(is_there, bytes_of(self.shape))
    }

    /// The gradient, where it has a buffer of its own, and its place.
    fn gradient(
        &self,
        is_there: bool,
        element: Option<wgpu_loss::Element>,
    ) -> Result<(Operand, GradientPlace)> {
        let place = self.options.place();
        let element = element.unwrap_or(self.shape.element);
        let shape = self.shape.contiguous().with_element(element);
        let is_separate = is_there && place != GradientPlace::InPlace;
        Ok((self.operand(is_separate, bytes_of(shape))?, place))
    }

    /// One `f32` for each row.
    fn of_rows(&self, is_there: bool) -> Result<Operand> {
        self.operand(is_there, times(self.shape.rows, 4))
    }

    /// The pass, given whether `--gradient` is there.
    fn pass(&self, gradient: bool, upstream: UpstreamSource) -> Pass {
        let place = self.options.place();
        match self.options.pass(gradient) {
            PassOption::Forward => Pass::Forward { save_state: false },
            PassOption::Fused => Pass::Fused { gradient: place, upstream },
            PassOption::Backward => Pass::Backward { gradient: place, upstream },
        }
    }

    fn targets(&self, options: &TargetOptions) -> TargetLayout {
        TargetLayout {
            probabilities: options.probabilities.is_some().then_some(self.shape),
            class_weights: options.class_weights.is_some(),
            row_weights: options.row_weights.is_some(),
        }
    }

    fn cross_entropy(&self, options: &CrossEntropyOptions) -> Result<Step> {
        let targets = self.targets(&options.targets);
        let pass = self.pass(options.gradient.gradient, UpstreamSource::Scalar);
        let is_backward = matches!(pass, Pass::Backward { .. });
        let has_gradient = is_backward || matches!(pass, Pass::Fused { .. });
        let element = options.gradient.gradient_element.map(|element| element.library());
        let request = eval::cross_entropy::request(options, &targets, element, false);
        let plan = request.plan(&self.kernels, self.shape, &targets, pass)?;
        let logits = self.matrix(true)?;
        let compared = match targets.probabilities {
            Some(_) => self.matrix(true)?,
            None => self.of_rows(true)?,
        };
        let class_weights = self.operand(targets.class_weights, times(self.shape.classes, 4))?;
        let row_weights = self.of_rows(targets.row_weights)?;
        let (gradient, _) = self.gradient(has_gradient, element)?;
        let words = plan.record().words();
        let rows = self.operand(words > 0, times(self.shape.rows, 4 * u64::from(words)))?;
        let keeps_state = plan.variant().state != StateKind::None;
        let state = self.operand(keeps_state, times(self.shape.rows, plan.state_bytes()))?;
        let has_totals = !is_backward || request.reduction == Reduction::Mean;
        let totals = self.operand(has_totals, Some(size_of::<Totals>() as u64))?;
        Ok(plan.bind(&CrossEntropyOperands {
            class_weights: class_weights.slice(),
            row_weights: row_weights.slice(),
            gradient: gradient.slice(),
            rows: rows.slice(),
            state: state.slice(),
            totals: totals.slice(),
            upstream: UpstreamOperand::Scalar(options.gradient.upstream),
            ..CrossEntropyOperands::new(logits.needed()?, compared.needed()?)
        })?)
    }

    fn log_sum_exp(&self, options: &LogSumExpOptions) -> Result<Step> {
        let pass = self.pass(options.gradient.gradient, UpstreamSource::Scalar);
        let is_backward = matches!(pass, Pass::Backward { .. });
        let has_gradient = is_backward || matches!(pass, Pass::Fused { .. });
        let gradient_element = options.gradient.gradient_element.map(|element| element.library());
        let plan = LogSumExp { gradient_element }.plan(&self.kernels, self.shape, pass)?;
        let logits = self.matrix(true)?;
        let results = self.of_rows(!is_backward)?;
        let (gradient, _) = self.gradient(has_gradient, gradient_element)?;
        let state = self.operand(is_backward, times(self.shape.rows, 8))?;
        Ok(plan.bind(&LogSumExpOperands {
            log_sum_exp: results.slice(),
            gradient: gradient.slice(),
            state: state.slice(),
            upstream: UpstreamOperand::Scalar(options.gradient.upstream),
            ..LogSumExpOperands::new(logits.needed()?)
        })?)
    }

    fn softmax(&self, options: &SoftmaxOptions, log: bool) -> Result<Step> {
        let element = options.element.map(|element| element.library());
        let given = options.upstream.is_some();
        let is_backward = match self.options.pass {
            Some(PassOption::Fused) => {
                return Err(Failure::Usage(
                    "--pass: expected forward or backward, since softmax has no other".to_owned(),
                ));
            }
            Some(PassOption::Forward) => false,
            Some(PassOption::Backward) => true,
            None => given,
        };
        let (output, place) = self.gradient(true, element)?;
        let pass = match is_backward {
            true => SoftmaxPass::Backward { upstream: self.shape, gradient: place },
            false => SoftmaxPass::Forward { output: place },
        };
        let plan = Softmax { log, element }.plan(&self.kernels, self.shape, pass)?;
        let (logits, upstream) = (self.matrix(true)?, self.matrix(is_backward)?);
        Ok(plan.bind(&SoftmaxOperands {
            logits: logits.needed()?,
            upstream: upstream.slice(),
            output: output.slice(),
        })?)
    }

    fn softmax_loss(&self, asked: &AskedSoftmaxLoss<'_>) -> Result<Step> {
        let request = eval::softmax_loss::request(asked);
        let against = match asked.against {
            AskedAgainst::Targets(focal) => {
                SoftmaxAgainstLayout::Targets(self.targets(&focal.targets))
            }
            AskedAgainst::Teacher(teacher) => SoftmaxAgainstLayout::Teacher {
                logits: self.shape,
                row_weights: teacher.row_weights.is_some(),
            },
        };
        let is_buffer = matches!(asked.options.upstream, UpstreamOption::Named(_));
        let source = match (is_buffer, request.reduction) {
            (false, _) => UpstreamSource::Scalar,
            (true, Reduction::None) => UpstreamSource::PerRow,
            (true, _) => UpstreamSource::OneInBuffer,
        };
        let pass = match self.options.pass(asked.options.gradient) {
            PassOption::Forward => SoftmaxLossPass::Forward,
            PassOption::Fused => {
                SoftmaxLossPass::Fused { gradient: self.options.place(), upstream: source }
            }
            PassOption::Backward => {
                return Err(Failure::Usage(format!(
                    "--pass: expected forward or fused, since {} has no backward by itself",
                    asked.name
                )));
            }
        };
        let has_gradient = pass != SoftmaxLossPass::Forward;
        let plan = request.plan(&self.kernels, self.shape, &against, pass)?;
        let (of_classes, of_rows) = match against {
            SoftmaxAgainstLayout::Targets(targets) => (targets.class_weights, targets.row_weights),
            SoftmaxAgainstLayout::Teacher { row_weights, .. } => (false, row_weights),
        };
        let is_matrix = match against {
            SoftmaxAgainstLayout::Targets(targets) => targets.probabilities.is_some(),
            SoftmaxAgainstLayout::Teacher { .. } => true,
        };
        let logits = self.matrix(true)?;
        let compared = if is_matrix { self.matrix(true)? } else { self.of_rows(true)? };
        let class_weights = self.operand(of_classes, times(self.shape.classes, 4))?;
        let row_weights = self.of_rows(of_rows)?;
        let (gradient, _) = self.gradient(has_gradient, request.gradient_element)?;
        let has_rows = request.rows || request.reduction == Reduction::None;
        let loss_rows = self.of_rows(has_rows)?;
        let totals = self.operand(true, Some(size_of::<Totals>() as u64))?;
        let factors = self.factors(has_gradient, source)?;
        Ok(plan.bind(&SoftmaxLossOperands {
            class_weights: class_weights.slice(),
            row_weights: row_weights.slice(),
            gradient: gradient.slice(),
            loss_rows: loss_rows.slice(),
            totals: totals.slice(),
            upstream: factors.upstream(number(&asked.options.upstream)),
            ..SoftmaxLossOperands::new(logits.needed()?, compared.needed()?)
        })?)
    }

    /// The buffer of an upstream gradient, where it has one.
    fn factors(&self, has_gradient: bool, source: UpstreamSource) -> Result<Operand> {
        let count = match source {
            UpstreamSource::PerRow => self.shape.rows,
            _ => 1,
        };
        self.operand(has_gradient && source != UpstreamSource::Scalar, times(count, 4))
    }

    /// The form of weights of which nothing but their axis is known.
    fn weights(&self, are_there: bool, axis: Option<WeightsAxis>) -> WeightLayout {
        match (are_there, axis) {
            (false, _) => WeightLayout::None,
            (true, Some(WeightsAxis::Row)) => WeightLayout::PerRow,
            (true, Some(WeightsAxis::Column)) => WeightLayout::PerColumn,
            (true, None) => WeightLayout::PerElement(self.shape),
        }
    }

    /// The buffer of weights of a form, as stored.
    fn weight_operand(&self, layout: WeightLayout) -> Result<Operand> {
        match layout {
            WeightLayout::None => Ok(Operand(None)),
            WeightLayout::PerRow => self.of_rows(true),
            WeightLayout::PerColumn => self.operand(true, times(self.shape.classes, 4)),
            WeightLayout::PerElement(shape) => self.operand(true, bytes_of(shape)),
        }
    }

    fn reduce(&self, options: &ReduceOptions) -> Result<Step> {
        eval::reduce::fit_together(options)?;
        let weights = self.weights(options.weights.given().is_some(), options.weights.weights_axis);
        let segments = options.segments.segments.unwrap_or(USUAL_SEGMENTS);
        let segments = match (&options.segments.segment_offsets, &options.segments.segment_ids) {
            (Some(_), _) => Some(SegmentLayout::Offsets(segments)),
            (None, Some(_)) => Some(SegmentLayout::Ids(segments)),
            (None, None) => None,
        };
        let axis = eval::reduce::axis(options, segments.is_some());
        let request = eval::reduce::request(options, axis);
        let values = self.matrix(true)?;
        let given = self.weight_operand(weights)?;
        if let Some(layout) = segments {
            let plan = request.plan_segments(&self.kernels, self.shape, weights, layout)?;
            let bytes = match layout {
                SegmentLayout::Offsets(segments) => times(segments + 1, 4),
                SegmentLayout::Ids(_) => times(self.shape.rows, 4),
            };
            let segments = self.operand(true, bytes)?;
            let words = u64::from(plan.result_words());
            let results = self.operand(true, times(plan.results(), 4 * words))?;
            return Ok(plan.bind(&ReduceSegmentsOperands {
                values: values.needed()?,
                weights: given.slice(),
                segments: segments.needed()?,
                results: results.needed()?,
            })?);
        }
        let source = match (&options.gradient.upstream, axis) {
            (UpstreamOption::Number(_), _) => UpstreamSource::Scalar,
            (UpstreamOption::Named(_), AxisOption::All) => UpstreamSource::OneInBuffer,
            (UpstreamOption::Named(_), _) => UpstreamSource::PerRow,
        };
        let pass = self.pass(options.gradient.gradient, source);
        let is_backward = matches!(pass, Pass::Backward { .. });
        let has_gradient = is_backward || matches!(pass, Pass::Fused { .. });
        let plan = request.plan(&self.kernels, self.shape, weights, pass)?;
        let has_results = !is_backward || request.statistic != Statistic::Sum;
        let words = u64::from(plan.result_words());
        let results = self.operand(has_results, times(plan.results(), 4 * words))?;
        let (gradient, _) = self.gradient(has_gradient, request.gradient_element)?;
        let of_weights = has_gradient && request.weight_gradient;
        let count = match weights {
            WeightLayout::PerRow => self.shape.rows,
            WeightLayout::PerColumn => self.shape.classes,
            _ => self.shape.rows * self.shape.classes,
        };
        let weight_gradient = self.operand(of_weights, times(count, 4))?;
        let factors = if source == UpstreamSource::PerRow { plan.results() } else { 1 };
        let has_factors = has_gradient && source != UpstreamSource::Scalar;
        let factors = self.operand(has_factors, times(factors, 4))?;
        Ok(plan.bind(&ReduceOperands {
            weights: given.slice(),
            results: results.slice(),
            gradient: gradient.slice(),
            weight_gradient: weight_gradient.slice(),
            upstream: factors.upstream(number(&options.gradient.upstream)),
            ..ReduceOperands::new(values.needed()?)
        })?)
    }

    fn elementwise(&self, asked: &AskedLoss<'_>) -> Result<Step> {
        let request = eval::elementwise::request(asked);
        let has_variance = matches!(asked.function, LossFunction::GaussianNll { .. });
        let third = self.weights(asked.third.is_some(), asked.third.and_then(|(_, axis)| axis));
        let layout = ElementwiseLayout {
            input: self.shape,
            target: asked.function.has_target().then_some(self.shape),
            weights: self.weights(asked.options.weights.is_some(), asked.options.weights_axis),
            positive_weights: if has_variance { WeightLayout::None } else { third },
            variance: if has_variance { third } else { WeightLayout::None },
        };
        let upstream = match (&asked.options.upstream, request.reduction, asked.options.axis) {
            (UpstreamOption::Number(_), ..) => ElementwiseUpstreamLayout::Scalar,
            (_, ElementwiseReduction::None, _) => {
                ElementwiseUpstreamLayout::Buffer(WeightLayout::PerElement(self.shape))
            }
            (_, _, AxisOption::Row) => ElementwiseUpstreamLayout::Buffer(WeightLayout::PerRow),
            (_, _, AxisOption::Column) => {
                ElementwiseUpstreamLayout::Buffer(WeightLayout::PerColumn)
            }
            (_, _, AxisOption::All) => ElementwiseUpstreamLayout::Buffer(WeightLayout::None),
        };
        let place = self.options.place();
        let pass = match self.options.pass(asked.options.gradient) {
            PassOption::Forward => ElementwisePass::Forward,
            PassOption::Fused => ElementwisePass::Fused { gradient: place, upstream },
            PassOption::Backward => ElementwisePass::Backward { gradient: place, upstream },
        };
        let has_gradient = pass != ElementwisePass::Forward;
        let is_backward = matches!(pass, ElementwisePass::Backward { .. });
        let plan = request.plan(&self.kernels, &layout, pass)?;
        let divides = request.reduction == ElementwiseReduction::WeightedMean
            && layout.weights != WeightLayout::None;
        let (input, target) = (self.matrix(true)?, self.matrix(layout.target.is_some())?);
        let weights = self.weight_operand(layout.weights)?;
        let positive_weights = self.weight_operand(layout.positive_weights)?;
        let variance = self.weight_operand(layout.variance)?;
        let words = u64::from(plan.result_words());
        let results = times(plan.results(), 4 * words);
        let results = self.operand(!is_backward || divides, results)?;
        let counts = self.operand(request.threshold.is_some() && !is_backward, Some(16))?;
        let (gradient, _) = self.gradient(has_gradient, request.gradient_element)?;
        let of_variance = has_gradient && matches!(layout.variance, WeightLayout::PerElement(_));
        let element = request.gradient_element.unwrap_or(self.shape.element);
        let of_elements = bytes_of(self.shape.contiguous().with_element(element));
        let variance_gradient = self.operand(of_variance, of_elements)?;
        let factors = match upstream {
            ElementwiseUpstreamLayout::Buffer(layout) if has_gradient => match layout {
                WeightLayout::None => self.operand(true, Some(4))?,
                layout => self.weight_operand(layout)?,
            },
            _ => Operand(None),
        };
        Ok(plan.bind(&ElementwiseOperands {
            target: target.slice(),
            weights: weights.slice(),
            positive_weights: positive_weights.slice(),
            variance: variance.slice(),
            results: results.slice(),
            counts: counts.slice(),
            gradient: gradient.slice(),
            variance_gradient: variance_gradient.slice(),
            upstream: factors.upstream(number(&asked.options.upstream)),
            ..ElementwiseOperands::new(input.needed()?)
        })?)
    }
}
