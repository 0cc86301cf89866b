//! Plans and steps of any call, on a device that does nothing but check: wgpu's validation sees
//! every binding and every dispatch. Needs no adapter.

mod draw;
mod elementwise;
mod operands;
mod reductions;

use std::sync::OnceLock;

use draw::Draw;
use elementwise::elementwise;
use operands::{Operand, bytes_of, operand, times};
use reductions::{reduce, segments};
use wgpu_loss::kernel::StateKind;
use wgpu_loss::partial::ClassRange;
use wgpu_loss::plan::{AdapterClass, BindingAccess, Capabilities, SubgroupSizes, Tuning};
use wgpu_loss::wgpu::{Device, DeviceDescriptor, Features, Limits, Queue};
use wgpu_loss::{
    CrossEntropyOperands, Error, GradientPlace, Kernels, LogSumExp, LogSumExpOperands,
    MergeOperands, Pass, Reduction, Result, Shape, Softmax, SoftmaxOperands, SoftmaxPass, Step,
    TargetLayout, UpstreamOperand, UpstreamSource,
};

/// Offsets of storage bindings on the device: the least that any adapter has.
const ALIGNMENT: u32 = 32;

/// Kernels of three devices: a large one, and two whose every limit is met by little data.
fn kernels() -> &'static [Kernels; 3] {
    // The queue is kept, since encoders need it.
    static KERNELS: OnceLock<([Kernels; 3], Queue)> = OnceLock::new();
    let (kernels, _) = KERNELS.get_or_init(|| {
        let limits = Limits {
            min_storage_buffer_offset_alignment: ALIGNMENT,
            min_uniform_buffer_offset_alignment: ALIGNMENT,
            ..Limits::default()
        };
        let (device, queue) = Device::noop(&DeviceDescriptor {
            required_features: Features::SUBGROUP,
            required_limits: limits,
            ..DeviceDescriptor::default()
        });
        let web = Capabilities::web_gpu;
        let large = web(AdapterClass::Software);
        let narrow = Capabilities {
            subgroups: Some(SubgroupSizes { smallest: 32, largest: 32 }),
            max_binding_bytes: 1 << 16,
            max_workgroups: 256,
            ..web(AdapterClass::Discrete)
        };
        let small = Capabilities {
            subgroups: Some(SubgroupSizes { smallest: 4, largest: 8 }),
            max_binding_bytes: 1 << 17,
            max_buffer_bytes: 1 << 18,
            storage_alignment: ALIGNMENT.into(),
            uniform_alignment: ALIGNMENT.into(),
            max_invocations: 64,
            max_workgroups: 1000,
            ..web(AdapterClass::Integrated)
        };
        let kernels = [large, narrow, small].map(|capabilities| {
            let mut tuning = Tuning::built_in(capabilities.class);
            if capabilities.max_binding_bytes < large.max_binding_bytes {
                (tuning.part_classes, tuning.chunk_bytes) = (64, 1 << 12);
            }
            Kernels::with(&device, capabilities, tuning).expect("enough for kernels")
        });
        (kernels, queue)
    });
    kernels
}

/// A call that was planned, bound and recorded.
#[allow(dead_code, reason = "who only looks for panics reads nothing of it")]
pub struct Planned {
    pub step: Step,
    /// What the planner was told of the device.
    pub capabilities: Capabilities,
    /// Rows that have results of their own; `None`: it is a reduction.
    pub rows: Option<usize>,
}

/// Plans and binds the call that bytes stand for, and records it.
///
/// `None`: refused, or of more data than is tried. The only errors that a caller may meet are those
/// that name what is wrong with the call, or the limit that it exceeds.
pub fn check(bytes: &[u8]) -> Option<Planned> {
    let draw = &mut Draw::new(bytes);
    let kernels = draw.of(&[0, 1, 1, 2]);
    let kernels = &self::kernels()[kernels];
    let bound = match draw.byte() % 8 {
        0 | 1 => cross_entropy(kernels, draw),
        2 => cross_entropy_of_a_part(kernels, draw),
        3 => merge(kernels, draw),
        4 => log_sum_exp(kernels, draw),
        5 => softmax(kernels, draw),
        6 => reduce(kernels, draw),
        _ if draw.is() => segments(kernels, draw),
        _ => elementwise(kernels, draw),
    };
    let Bound { step, rows } = match bound {
        Ok(bound) => bound?,
        Err(Error::Invalid { .. } | Error::Limit { .. }) => return None,
        Err(error) => panic!("the device refuses what was planned: {error}"),
    };
    check_program(&step);
    let device = kernels.device();
    let validation = device.push_error_scope(wgpu_loss::wgpu::ErrorFilter::Validation);
    let mut encoder = device.create_command_encoder(&Default::default());
    step.record(&mut encoder);
    drop(encoder.finish());
    let error = pollster::block_on(validation.pop());
    assert!(error.is_none(), "the device refuses what was recorded: {error:?}");
    Some(Planned { step, capabilities: *kernels.capabilities(), rows })
}

/// A step as data has every dispatch, its uniforms whole and every range in its buffer.
fn check_program(step: &Step) {
    let program = step.program();
    assert_eq!(program.dispatches.len(), step.dispatches());
    for dispatch in &program.dispatches {
        let kernel = &program.kernels[dispatch.kernel];
        let storage = kernel.bindings.iter().filter(|it| it.access != BindingAccess::Uniform);
        let indices = dispatch.bound.iter().map(|range| range.index);
        assert!(storage.map(|binding| binding.index).eq(indices), "{}", kernel.label);
        assert_eq!(dispatch.uniforms.len() as u64, kernel.bindings[0].bytes, "{}", kernel.label);
        assert!(kernel.source.contains("@compute"), "{}", kernel.label);
        for range in &dispatch.bound {
            let buffer = &program.buffers[range.buffer];
            assert!(
                range.offset + range.bytes <= buffer.bytes,
                "{}: {}",
                kernel.label,
                buffer.name
            );
        }
    }
    let is_dispatched = |kernel| program.dispatches.iter().any(|it| it.kernel == kernel);
    assert!((0..program.kernels.len()).all(is_dispatched));
}

/// A step, and its rows.
struct Bound {
    step: Step,
    rows: Option<usize>,
}

impl Bound {
    fn of_rows(rows: usize) -> impl FnOnce(Step) -> Option<Self> {
        move |step| Some(Self { step, rows: Some(rows) })
    }

    fn of_reduction(step: Step) -> Option<Self> {
        Some(Self { step, rows: None })
    }
}

/// The upstream gradient of a pass.
fn upstream(kernels: &Kernels, draw: &mut Draw<'_>, pass: Pass, results: usize) -> Option<Operand> {
    let source = match pass {
        Pass::Forward { .. } => UpstreamSource::Scalar,
        Pass::Fused { upstream, .. } | Pass::Backward { upstream, .. } => upstream,
    };
    let count = if source == UpstreamSource::PerRow { results } else { 1 };
    let is_wanted = source != UpstreamSource::Scalar;
    operand(kernels.device(), draw, is_wanted, times(count, 4), 4)
}

fn upstream_operand(operand: &Operand) -> UpstreamOperand<'_> {
    operand.slice().map_or(UpstreamOperand::Scalar(0.5), UpstreamOperand::Buffer)
}

/// Where a gradient goes, and its bytes if that is another buffer.
fn gradient(kernels: &Kernels, draw: &mut Draw<'_>, pass: Pass, logits: Shape) -> Option<Operand> {
    let shape = match pass {
        Pass::Forward { .. } => None,
        Pass::Fused { gradient, .. } | Pass::Backward { gradient, .. } => place(gradient, logits),
    };
    // Twice the bytes where it is stored as another type; a slice may be longer than needed.
    let bytes = bytes_of(shape.unwrap_or(logits)).and_then(|bytes| bytes.checked_mul(2));
    operand(kernels.device(), draw, shape.is_some(), bytes, 4)
}

fn place(place: GradientPlace, logits: Shape) -> Option<Shape> {
    match place {
        GradientPlace::InPlace => None,
        GradientPlace::Separate => Some(logits.contiguous()),
        GradientPlace::SeparateWithRowStride(stride) => Some(logits.with_row_stride(stride)),
    }
}

fn target_layout(draw: &mut Draw<'_>, logits: Shape) -> TargetLayout {
    let flags = draw.byte();
    TargetLayout {
        probabilities: (flags & 3 == 3).then(|| draw.shape_like(logits)),
        class_weights: flags & 4 != 0,
        row_weights: flags & 8 != 0,
    }
}

fn cross_entropy(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let (logits, options) = (draw.shape(), draw.cross_entropy());
    let (targets, pass) = (target_layout(draw, logits), draw.pass(logits));
    let plan = options.plan(kernels, logits, &targets, pass)?;
    bind_cross_entropy(&plan, kernels, draw, logits, logits.classes, &targets, pass, &options)
}

fn cross_entropy_of_a_part(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let (logits, options) = (draw.shape(), draw.cross_entropy());
    let (targets, pass) = (target_layout(draw, logits), draw.pass(logits));
    let first = draw.size(12) as usize;
    let total = logits.classes.saturating_add(first).saturating_add(draw.size(8) as usize);
    let total = if draw.is_mistake() { draw.size(64) as usize } else { total };
    let range = ClassRange { first, total };
    let plan = options.plan_part(kernels, logits, range, &targets, pass)?;
    bind_cross_entropy(&plan, kernels, draw, logits, total, &targets, pass, &options)
}

#[allow(clippy::too_many_arguments, reason = "all that decides which operands there are")]
fn bind_cross_entropy(
    plan: &wgpu_loss::CrossEntropyPlan,
    kernels: &Kernels,
    draw: &mut Draw<'_>,
    logits: Shape,
    classes: usize,
    targets: &TargetLayout,
    pass: Pass,
    options: &wgpu_loss::CrossEntropy,
) -> Result<Option<Bound>> {
    let device = kernels.device();
    let words = plan.record().words();
    let is_backward = matches!(pass, Pass::Backward { .. });
    let (target_bytes, target_unit) = match targets.probabilities {
        Some(shape) => (bytes_of(shape), shape.element.bytes() as u64),
        None => (times(logits.rows, 4), 4),
    };
    let divides = options.reduction == Reduction::Mean && is_backward;
    let mut of = |is_wanted: bool, bytes: Option<u64>, unit: u64| {
        operand(device, draw, is_wanted, bytes, unit)
    };
    let rows = logits.rows;
    let made = [
        of(true, bytes_of(logits), logits.element.bytes() as u64),
        of(true, target_bytes, target_unit),
        of(targets.class_weights, times(classes, 4), 4),
        of(targets.row_weights, times(rows, 4), 4),
        of(words > 0, times(rows, 4 * u64::from(words)), 4),
        of(plan.variant().state != StateKind::None, times(rows, plan.state_bytes()), 32),
        of(divides || !is_backward, Some(32), 4),
        gradient(kernels, draw, pass, logits),
        upstream(kernels, draw, pass, rows),
    ];
    let [
        Some(logits),
        Some(targets),
        Some(class_weights),
        Some(row_weights),
        Some(records),
        Some(state),
        Some(totals),
        Some(gradient),
        Some(upstream),
    ] = &made
    else {
        return Ok(None);
    };
    let (Some(logits), Some(targets)) = (logits.slice(), targets.slice()) else { return Ok(None) };
    plan.bind(&CrossEntropyOperands {
        class_weights: class_weights.slice(),
        row_weights: row_weights.slice(),
        gradient: gradient.slice(),
        rows: records.slice(),
        state: state.slice(),
        totals: totals.slice(),
        upstream: upstream_operand(upstream),
        ..CrossEntropyOperands::new(logits, targets)
    })
    .map(Bound::of_rows(rows))
}

fn merge(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let options = draw.cross_entropy();
    let [rows, parts, classes] = [14, 3, 24].map(|bits| draw.size(bits) as usize);
    let targets = target_layout(draw, Shape::new(rows, classes));
    let plan = options.plan_merge(kernels, rows, parts, classes, &targets)?;
    let words = u64::from(plan.record().words());
    let (has_classes, keeps_state) = (targets.probabilities.is_none(), draw.is());
    let mut of = |is_wanted: bool, bytes: Option<u64>, unit: u64| {
        operand(kernels.device(), draw, is_wanted, bytes, unit)
    };
    let states = times(rows, 32);
    let made = [
        of(true, states.and_then(|bytes| bytes.checked_mul(parts as u64)), 32),
        of(has_classes, times(rows, 4), 4),
        of(targets.class_weights && has_classes, times(classes, 4), 4),
        of(targets.row_weights, times(rows, 4), 4),
        of(true, times(rows, 4 * words), 4),
        of(keeps_state, states, 32),
        of(true, Some(32), 4),
    ];
    let [
        Some(states),
        Some(targets),
        Some(class_weights),
        Some(row_weights),
        Some(records),
        Some(state),
        Some(totals),
    ] = &made
    else {
        return Ok(None);
    };
    let Some(states) = states.slice() else { return Ok(None) };
    plan.bind(&MergeOperands {
        targets: targets.slice(),
        class_weights: class_weights.slice(),
        row_weights: row_weights.slice(),
        rows: records.slice(),
        state: state.slice(),
        totals: totals.slice(),
        ..MergeOperands::new(states)
    })
    .map(Bound::of_rows(rows))
}

fn log_sum_exp(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let logits = draw.shape();
    let gradient_element = if draw.is() { Some(draw.element()) } else { None };
    let pass = draw.pass(logits);
    let plan = LogSumExp { gradient_element }.plan(kernels, logits, pass)?;
    let is_forward = !matches!(pass, Pass::Backward { .. });
    let has_state = !is_forward || pass == Pass::Forward { save_state: true };
    let mut of = |is_wanted: bool, bytes: Option<u64>, unit: u64| {
        operand(kernels.device(), draw, is_wanted, bytes, unit)
    };
    let made = [
        of(true, bytes_of(logits), logits.element.bytes() as u64),
        of(is_forward, times(logits.rows, 4), 4),
        of(has_state, times(logits.rows, 8), 8),
        gradient(kernels, draw, pass, logits),
        upstream(kernels, draw, pass, logits.rows),
    ];
    let [Some(values), Some(results), Some(state), Some(gradient), Some(upstream)] = &made else {
        return Ok(None);
    };
    let Some(values) = values.slice() else { return Ok(None) };
    plan.bind(&LogSumExpOperands {
        log_sum_exp: results.slice(),
        gradient: gradient.slice(),
        state: state.slice(),
        upstream: upstream_operand(upstream),
        ..LogSumExpOperands::new(values)
    })
    .map(Bound::of_rows(logits.rows))
}

fn softmax(kernels: &Kernels, draw: &mut Draw<'_>) -> Result<Option<Bound>> {
    let logits = draw.shape();
    let element = if draw.is() { Some(draw.element()) } else { None };
    let (options, output) = (Softmax { log: draw.is(), element }, draw.place(logits));
    let upstream = if draw.is() { Some(draw.shape_like(logits)) } else { None };
    let pass = match upstream {
        Some(upstream) => SoftmaxPass::Backward { upstream, gradient: output },
        None => SoftmaxPass::Forward { output },
    };
    let plan = options.plan(kernels, logits, pass)?;
    let as_gradient = Pass::Fused { gradient: output, upstream: UpstreamSource::Scalar };
    let mut of = |is_wanted: bool, shape: Shape| {
        let unit = shape.element.bytes() as u64;
        operand(kernels.device(), draw, is_wanted, bytes_of(shape), unit)
    };
    let made = [
        of(true, logits),
        of(upstream.is_some(), upstream.unwrap_or(logits)),
        gradient(kernels, draw, as_gradient, logits),
    ];
    let [Some(values), Some(upstream), Some(output)] = &made else { return Ok(None) };
    let Some(values) = values.slice() else { return Ok(None) };
    plan.bind(&SoftmaxOperands {
        logits: values,
        upstream: upstream.slice(),
        output: output.slice(),
    })
    .map(Bound::of_rows(logits.rows))
}
