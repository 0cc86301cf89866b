//! Every mistake a caller can make is an `Err` that names it: no panic, and no wgpu error that
//! reaches the device's handler.

use wgpu_loss::kernel::Word;
use wgpu_loss::kernel::bindings::Slot;
use wgpu_loss::plan::{Capabilities, Tuning};
use wgpu_loss::wgpu::{self, BufferSlice, BufferUsages};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, CrossEntropyPlan, Element, Engine, Error, Gpu,
    GradientPlace, Input, Kernels, LogSumExp, LogSumExpOperands, Logits, Pass, Reduction, Result,
    Shape, TargetLayout, Targets, UpstreamOperand, UpstreamSource,
};

use crate::buffers::{Buffers, all_words};
use crate::close::assert_losses;
use crate::device::{USAGE, new_gpu, recorded_gpu, run};
use crate::problem::{MEAN, Problem};

const OPTIONS: CrossEntropy = CrossEntropy { reduction: Reduction::None, ..MEAN };
/// Every operand that class targets can have.
const WEIGHTED: TargetLayout =
    TargetLayout { probabilities: None, class_weights: true, row_weights: true };
const CLASSES: TargetLayout =
    TargetLayout { probabilities: None, class_weights: false, row_weights: false };
const FORWARD: Pass = Pass::Forward { save_state: true };
const FUSED: Pass =
    Pass::Fused { gradient: GradientPlace::Separate, upstream: UpstreamSource::PerRow };
const BACKWARD: Pass =
    Pass::Backward { gradient: GradientPlace::Separate, upstream: UpstreamSource::PerRow };

/// Every operand, with the passes that have it.
const OPERANDS: [(Slot, &[Pass]); 9] = [
    (Slot::Logits, &[FORWARD, FUSED, BACKWARD]),
    (Slot::Targets, &[FORWARD, FUSED, BACKWARD]),
    (Slot::Gradient, &[FUSED, BACKWARD]),
    (Slot::ClassWeights, &[FORWARD, FUSED, BACKWARD]),
    (Slot::RowWeights, &[FORWARD, FUSED, BACKWARD]),
    (Slot::Rows, &[FORWARD, FUSED]),
    (Slot::State, &[FORWARD, BACKWARD]),
    (Slot::Upstream, &[FUSED, BACKWARD]),
    (Slot::Totals, &[FORWARD, FUSED]),
];

/// A device whose handler must have nothing to say, and a batch on it.
struct Scene {
    gpu: Gpu,
    problem: Problem,
    buffers: Buffers,
    uncaptured: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Scene {
    fn new() -> Self {
        let (gpu, uncaptured) = recorded_gpu();
        let problem = Problem { layout: WEIGHTED, ..Problem::contiguous(5, 10) };
        let buffers = Buffers::new(&gpu, &problem);
        Self { gpu, problem, buffers, uncaptured }
    }

    /// Binds the pass's operands after one mistake.
    fn bind(&self, pass: Pass, mistake: impl FnOnce(&mut CrossEntropyOperands<'_>)) -> Result<()> {
        let mut operands = self.buffers.cross_entropy(&OPTIONS, pass);
        mistake(&mut operands);
        self.plan(pass)?.bind(&operands).map(drop)
    }

    fn plan(&self, pass: Pass) -> Result<CrossEntropyPlan> {
        OPTIONS.plan(self.gpu.kernels(), self.problem.shape, &self.problem.layout, pass)
    }

    /// Fails where wgpu told the device's handler anything, and where the device no longer works.
    fn finish(self) {
        self.bind(FUSED, |_| {}).expect("without a mistake it binds");
        let step = self
            .plan(FORWARD)
            .and_then(|plan| plan.bind(&self.buffers.cross_entropy(&OPTIONS, FORWARD)))
            .expect("without a mistake it binds");
        run(&self.gpu, &[&step]);
        let expected = self.problem.cross_entropy(&OPTIONS, UpstreamSource::PerRow);
        assert_losses(
            &self.buffers.read_values(Word::Loss),
            &expected.loss_rows.expect("asked for"),
        );
        let uncaptured = self.uncaptured.lock().expect("no test panics there");
        assert!(uncaptured.is_empty(), "errors outside any scope: {uncaptured:?}");
    }
}

fn replace<'a>(operands: &mut CrossEntropyOperands<'a>, slot: Slot, slice: BufferSlice<'a>) {
    match slot {
        Slot::Logits => operands.logits = slice,
        Slot::Targets => operands.targets = slice,
        Slot::Gradient => operands.gradient = Some(slice),
        Slot::ClassWeights => operands.class_weights = Some(slice),
        Slot::RowWeights => operands.row_weights = Some(slice),
        Slot::Rows => operands.rows = Some(slice),
        Slot::State => operands.state = Some(slice),
        Slot::Totals => operands.totals = Some(slice),
        Slot::Upstream => operands.upstream = UpstreamOperand::Buffer(slice),
        other => panic!("{other:?} is no operand"),
    }
}

fn remove(operands: &mut CrossEntropyOperands<'_>, slot: Slot) {
    match slot {
        Slot::Gradient => operands.gradient = None,
        Slot::ClassWeights => operands.class_weights = None,
        Slot::RowWeights => operands.row_weights = None,
        Slot::Rows => operands.rows = None,
        Slot::State => operands.state = None,
        Slot::Totals => operands.totals = None,
        Slot::Upstream => operands.upstream = UpstreamOperand::default(),
        other => panic!("{other:?} cannot be left out"),
    }
}

/// Fails unless the argument of that name was refused, in a message with all these words.
#[track_caller]
fn assert_refused<T>(result: Result<T>, name: &str, words: &[&str]) {
    let error = result.map(drop).expect_err("refused");
    let Error::Invalid { what, .. } = &error else { panic!("{name}: refused as {error:?}") };
    assert_eq!(*what, name, "{error}");
    let message = error.to_string();
    assert!(message.contains(name), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

/// Fails unless the limit of that name was too small.
#[track_caller]
fn assert_limited<T>(result: Result<T>, name: &str) {
    let error = result.map(drop).expect_err("beyond a limit");
    let Error::Limit { limit, needed, available, .. } = &error else {
        panic!("{name}: refused as {error:?}")
    };
    assert_eq!(*limit, name, "{error}");
    assert!(needed > available, "{error}");
    assert!(error.to_string().contains(name), "{error}");
}

fn buffer(gpu: &Gpu, bytes: u64, usage: BufferUsages) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("mistake"),
        size: bytes,
        usage,
        mapped_at_creation: false,
    })
}

/// Bytes of an operand of the scene, and of one of its elements.
fn sizes(slot: Slot) -> (u64, u64) {
    match slot {
        Slot::Logits | Slot::Gradient => (200, 4),
        Slot::State => (40, 8),
        Slot::Totals => (32, 4),
        Slot::ClassWeights => (40, 4),
        Slot::Rows => (20 * u64::from(all_words().words()), 4),
        _ => (20, 4),
    }
}

/// Binds each pass with a buffer in the place of each operand that it has.
fn for_each_operand(mut check: impl FnMut(&Scene, Slot, Pass)) {
    let scene = Scene::new();
    for (slot, passes) in OPERANDS {
        passes.iter().for_each(|&pass| check(&scene, slot, pass));
    }
    scene.finish();
}

/// The result of binding with this slice for that operand.
fn bind_with(scene: &Scene, pass: Pass, slot: Slot, slice: BufferSlice<'_>) -> Result<()> {
    let mut operands = scene.buffers.cross_entropy(&OPTIONS, pass);
    replace(&mut operands, slot, slice);
    scene.plan(pass)?.bind(&operands).map(drop)
}

#[test]
fn a_buffer_without_usage_storage() {
    for_each_operand(|scene, slot, pass| {
        let wrong = buffer(&scene.gpu, 1024, BufferUsages::COPY_SRC | BufferUsages::COPY_DST);
        let result = bind_with(scene, pass, slot, wrong.slice(..));
        assert_refused(result, slot.name(), &["STORAGE", "COPY_SRC"]);
    });
}

#[test]
fn an_offset_between_elements() {
    for_each_operand(|scene, slot, pass| {
        let (_, element) = sizes(slot);
        let whole = buffer(&scene.gpu, 1024, USAGE);
        for offset in [2, element + element / 2] {
            let result = bind_with(scene, pass, slot, whole.slice(offset..));
            let multiple = format!("multiple of {element}");
            assert_refused(result, slot.name(), &[&multiple, &offset.to_string()]);
        }
        bind_with(scene, pass, slot, whole.slice(element..)).expect("a whole element is well");
    });
}

#[test]
fn a_slice_that_is_too_short() {
    for_each_operand(|scene, slot, pass| {
        let (bytes, element) = sizes(slot);
        let whole = buffer(&scene.gpu, 1024, USAGE);
        for short in [bytes - element, 4] {
            let result = bind_with(scene, pass, slot, whole.slice(256..256 + short));
            let words = [format!("at least {bytes} bytes"), format!("{short} bytes")];
            assert_refused(result, slot.name(), &[&words[0], &words[1]]);
        }
        bind_with(scene, pass, slot, whole.slice(256..256 + bytes)).expect("that is enough");
    });
}

#[test]
fn an_operand_that_is_missing() {
    for_each_operand(|scene, slot, pass| {
        if !matches!(slot, Slot::Logits | Slot::Targets | Slot::Totals) {
            let result = scene.bind(pass, |operands| remove(operands, slot));
            assert_refused(result, slot.name(), &["a buffer", "none"]);
        }
    });
    // Of the totals only the backward of a mean cannot do without.
    let scene = Scene::new();
    let mean = CrossEntropy { reduction: Reduction::Mean, ..OPTIONS };
    let upstream = UpstreamSource::Scalar;
    let pass = Pass::Backward { gradient: GradientPlace::InPlace, upstream };
    let plan =
        mean.plan(scene.gpu.kernels(), scene.problem.shape, &WEIGHTED, pass).expect("a plan");
    let operands = scene.buffers.cross_entropy(&mean, pass);
    plan.bind(&operands).expect("with totals it binds");
    let result = plan.bind(&CrossEntropyOperands { totals: None, ..operands });
    assert_refused(result, "totals", &["mean", "none"]);
    scene.finish();
}

#[test]
fn an_operand_that_is_not_wanted() {
    let scene = Scene::new();
    for (slot, passes) in OPERANDS {
        for pass in [FORWARD, FUSED, BACKWARD].into_iter().filter(|pass| !passes.contains(pass)) {
            if slot == Slot::Totals {
                continue; // whoever keeps one set of operands may hand them to the backward too
            }
            let extra = buffer(&scene.gpu, 1024, USAGE);
            let result = bind_with(&scene, pass, slot, extra.slice(..));
            assert_refused(result, slot.name(), &["none", "a buffer"]);
        }
    }
    scene.finish();
}

#[test]
fn operands_that_share_memory() {
    let scene = Scene::new();
    let shared = buffer(&scene.gpu, 4096, USAGE);
    let bind = |pass, [a, b]: [(Slot, BufferSlice<'_>); 2]| {
        let mut operands = scene.buffers.cross_entropy(&OPTIONS, pass);
        replace(&mut operands, a.0, a.1);
        replace(&mut operands, b.0, b.1);
        scene.plan(pass)?.bind(&operands).map(drop)
    };
    // A gradient over the logits, which is what in place is for.
    for start in [0, 40] {
        let slices = [(Slot::Logits, shared.slice(..)), (Slot::Gradient, shared.slice(start..))];
        assert_refused(bind(FUSED, slices), "gradient", &["logits", "same buffer"]);
    }
    // Two results in one place.
    for start in [0, 16] {
        let slices = [(Slot::Rows, shared.slice(..)), (Slot::State, shared.slice(start..))];
        assert_refused(bind(FORWARD, slices), "state", &["apart from rows", "same buffer"]);
    }
    // One buffer read and written, though in ranges far apart: wgpu cannot.
    for (read, written, named) in [
        (Slot::Targets, Slot::Rows, Slot::Rows),
        (Slot::Logits, Slot::Gradient, Slot::Gradient),
        (Slot::ClassWeights, Slot::Rows, Slot::ClassWeights),
        (Slot::RowWeights, Slot::Gradient, Slot::RowWeights),
    ] {
        let slices = [(read, shared.slice(..1024)), (written, shared.slice(2048..))];
        let other = if named == read { written } else { read };
        assert_refused(bind(FUSED, slices), named.name(), &["another buffer", other.name()]);
    }
    // Two results far apart in one buffer, and two operands that are only read: nothing is wrong.
    let slices = [(Slot::Rows, shared.slice(..1024)), (Slot::State, shared.slice(1024..))];
    bind(FORWARD, slices).expect("results may share a buffer");
    let slices = [(Slot::Logits, shared.slice(..)), (Slot::Targets, shared.slice(..))];
    bind(FUSED, slices).expect("what is only read may overlap");
    scene.finish();
}

#[test]
fn log_sum_exp_refuses_the_same() {
    let scene = Scene::new();
    let options = LogSumExp::default();
    let bind = |pass, mistake: &dyn Fn(&mut LogSumExpOperands<'_>)| {
        let mut operands = scene.buffers.log_sum_exp(pass);
        mistake(&mut operands);
        options.plan(scene.gpu.kernels(), scene.problem.shape, pass)?.bind(&operands).map(drop)
    };
    for pass in [FORWARD, FUSED, BACKWARD] {
        bind(pass, &|_| {}).expect("without a mistake it binds");
    }
    assert_refused(bind(FORWARD, &|each| each.log_sum_exp = None), "log_sum_exp", &["none"]);
    assert_refused(bind(FORWARD, &|each| each.state = None), "state", &["none"]);
    assert_refused(bind(BACKWARD, &|each| each.state = None), "state", &["none"]);
    assert_refused(bind(FUSED, &|each| each.gradient = None), "gradient", &["none"]);
    let scalar = |each: &mut LogSumExpOperands<'_>| each.upstream = UpstreamOperand::Scalar(2.0);
    assert_refused(bind(FUSED, &scalar), "upstream", &["none"]);
    let over = |each: &mut LogSumExpOperands<'_>| each.gradient = Some(each.logits);
    assert_refused(bind(FUSED, &over), "gradient", &["logits"]);
    scene.finish();
}

#[test]
fn plans_that_make_no_sense() {
    let scene = Scene::new();
    let kernels = scene.gpu.kernels();
    for reduction in [Reduction::Mean, Reduction::Sum] {
        for pass in [FUSED, BACKWARD] {
            let options = CrossEntropy { reduction, ..OPTIONS };
            let plan = options.plan(kernels, Shape::new(5, 10), &CLASSES, pass);
            assert_refused(plan, "upstream gradient", &["scalar", "one value per row"]);
        }
    }
    let plan = |shape, pass| OPTIONS.plan(kernels, shape, &CLASSES, pass);
    assert_refused(plan(Shape::new(5, 0), FORWARD), "number of classes", &["1 to"]);
    let overlapping = Shape::new(5, 10).with_row_stride(9);
    let words = ["at least the 10 classes", "9"];
    let ranking = CrossEntropy { correct: true, top_k: 2, ..Default::default() };
    let wide = Shape::new(1, (1 << 27) + 1);
    let plan_ranking = ranking.plan(kernels, wide, &CLASSES, FORWARD);
    assert_refused(plan_ranking, "number of classes", &["134217728", "ranked"]);
    assert_refused(plan(overlapping, FORWARD), "row stride", &words);
    assert_refused(LogSumExp::default().plan(kernels, overlapping, FORWARD), "row stride", &words);
    let upstream = UpstreamSource::Scalar;
    let gradient = GradientPlace::SeparateWithRowStride(9);
    let pass = Pass::Fused { gradient, upstream };
    assert_refused(plan(Shape::new(5, 10), pass), "row stride", &words);
    let endless = Shape::new(3, 10).with_row_stride(usize::MAX / 2);
    assert_refused(plan(endless, FORWARD), "shape", &["addressable"]);
    scene.finish();
}

#[test]
fn options_out_of_range() {
    let scene = Scene::new();
    let shape = Shape::new(6, 10);
    let usual = CrossEntropy::default();
    let probabilities = TargetLayout { probabilities: Some(shape), ..CLASSES };
    let wide = TargetLayout { probabilities: Some(Shape::new(6, 11)), ..CLASSES };
    let blocks = TargetLayout { probabilities: Some(Shape::with_class_axis(2, 10, 3)), ..CLASSES };
    let logs = CrossEntropy { input: Input::LogProbabilities, ..usual };
    for (options, layout, name, words) in [
        (CrossEntropy { label_smoothing: 1.5, ..usual }, CLASSES, "label smoothing", "0 to 1"),
        (CrossEntropy { label_smoothing: f32::NAN, ..usual }, CLASSES, "label smoothing", "NaN"),
        (CrossEntropy { z_loss: f32::INFINITY, ..usual }, CLASSES, "z-loss", "finite"),
        (CrossEntropy { logit_scale: f32::NAN, ..usual }, CLASSES, "logit scale", "finite"),
        (CrossEntropy { softcap: Some(0.0), ..usual }, CLASSES, "softcap", "above 0"),
        (CrossEntropy { ignore_index: Some(3), ..usual }, probabilities, "ignore index", "3"),
        (CrossEntropy { correct: true, ..usual }, probabilities, "number of correct rows", "not"),
        (usual, wide, "probabilities", "(6, 11)"),
        (usual, blocks, "probabilities", "(2, 10, 3)"),
        (CrossEntropy { z_loss: 0.1, ..logs }, CLASSES, "z-loss", "log-probabilities"),
        (logs, probabilities, "probabilities", "log-probabilities"),
    ] {
        for pass in [FORWARD, Pass::Forward { save_state: false }] {
            let plan = options.plan(scene.gpu.kernels(), shape, &layout, pass);
            assert_refused(plan, name, &[words]);
        }
    }
    // In place there is room for one type.
    let upstream = UpstreamSource::Scalar;
    let pass = Pass::Fused { gradient: GradientPlace::InPlace, upstream };
    let half = CrossEntropy { gradient_element: Some(Element::F16), ..usual };
    let plan = half.plan(scene.gpu.kernels(), shape, &CLASSES, pass);
    assert_refused(plan, "gradient element", &["f32", "f16", "place"]);
    // Whole blocks, which do not overlap.
    let plan = |shape| usual.plan(scene.gpu.kernels(), shape, &CLASSES, FORWARD);
    let blocks = Shape::with_class_axis(2, 10, 3);
    assert_refused(plan(Shape { rows: 7, ..blocks }), "number of rows", &["multiple of the 3"]);
    assert_refused(plan(blocks.with_row_stride(29)), "row stride", &["at least the 30", "29"]);
    scene.finish();
}

/// Halves lie on halves of words, and a buffer is whole words.
#[test]
fn halves_at_the_end_of_a_buffer() {
    let scene = Scene::new();
    let shape = Shape::new(1, 3).with_element(Element::Bf16);
    let options = CrossEntropy::default();
    let pass = Pass::Forward { save_state: false };
    let plan = options.plan(scene.gpu.kernels(), shape, &CLASSES, pass).expect("a plan");
    let targets = buffer(&scene.gpu, 4, USAGE);
    let bind = |logits: BufferSlice<'_>| {
        plan.bind(&CrossEntropyOperands::new(logits, targets.slice(..))).map(drop)
    };
    let whole = buffer(&scene.gpu, 8, USAGE);
    bind(whole.slice(..)).expect("three halves in two words");
    bind(whole.slice(2..)).expect("the last three of four");
    assert_refused(bind(whole.slice(1..)), "logits", &["multiple of 2 bytes"]);
    assert_refused(bind(whole.slice(4..)), "logits", &["at least 6 bytes", "4 bytes"]);
    // wgpu makes such buffers, but binds whole words.
    let cut = buffer(&scene.gpu, 6, USAGE);
    assert_refused(bind(cut.slice(..)), "logits", &["at least 8 bytes", "6"]);
    scene.finish();
}

#[test]
fn a_device_that_is_too_small() {
    let scene = Scene::new();
    let device = scene.gpu.device();
    let real = *scene.gpu.kernels().capabilities();
    let tuning = Tuning::built_in(real.class);
    let with = |capabilities| Kernels::with(device, capabilities, tuning.clone());
    for (capabilities, limit) in [
        (Capabilities { max_binding_bytes: 65_535, ..real }, "max_storage_buffer_binding_size"),
        (Capabilities { max_workgroups: 255, ..real }, "max_compute_workgroups_per_dimension"),
        (Capabilities { max_invocations: 32, ..real }, "max_compute_invocations_per_workgroup"),
        (Capabilities { max_workgroup_bytes: 1024, ..real }, "max_compute_workgroup_storage_size"),
        (Capabilities { max_storage_buffers: 3, ..real }, "max_storage_buffers_per_shader_stage"),
    ] {
        assert_limited(with(capabilities), limit);
    }

    // Enough for a loss, not for everything at once.
    let kernels = with(Capabilities { max_storage_buffers: 4, ..real }).expect("the least");
    let shape = scene.problem.shape;
    let result = OPTIONS.plan(&kernels, shape, &WEIGHTED, FORWARD);
    assert_limited(result, "max_storage_buffers_per_shader_stage");
    let plain = CrossEntropy { rows: Default::default(), ..OPTIONS };
    let pass = Pass::Forward { save_state: false };
    plain.plan(&kernels, shape, &CLASSES, pass).expect("three are enough");

    // A row that no binding can hold.
    let kernels = with(Capabilities { max_binding_bytes: 1 << 16, ..real }).expect("the least");
    let wide = Problem::contiguous(2, 20_000);
    let buffers = Buffers::new(&scene.gpu, &wide);
    let result = OPTIONS
        .plan(&kernels, wide.shape, &CLASSES, FORWARD)
        .and_then(|plan| plan.bind(&buffers.cross_entropy(&OPTIONS, FORWARD)));
    assert_limited(result, "max_storage_buffer_binding_size");

    // Scratch memory larger than a buffer may be.
    let kernels = with(Capabilities { max_buffer_bytes: 64, ..real }).expect("no kernel needs it");
    let mean = CrossEntropy { reduction: Reduction::Mean, rows: Default::default(), ..OPTIONS };
    let batch = Problem::contiguous(100, 3);
    let buffers = Buffers::new(&scene.gpu, &batch);
    let pass = Pass::Forward { save_state: false };
    let result = mean
        .plan(&kernels, batch.shape, &CLASSES, pass)
        .and_then(|plan| plan.bind(&buffers.cross_entropy(&mean, pass)));
    assert_limited(result, "max_buffer_size");
    scene.finish();
}

#[test]
fn a_destroyed_device() {
    let values = [0.5, 0.25, 1.0, 2.0];
    let logits = Logits::new(&values, 2, 2).expect("four values");
    let options = CrossEntropy::default();
    let targets = Targets::classes(&[0, 1]);
    let expected = wgpu_loss::cpu::Oracle.cross_entropy(logits, targets, &options).expect("valid");
    for own in [true, false] {
        let (gpu, uncaptured) = if own { (new_gpu(), Default::default()) } else { recorded_gpu() };
        // Once before and once after, so that it is the destruction that fails it.
        gpu.cross_entropy(logits, targets, &options).expect("the device works");
        let problem = Problem::contiguous(5, 10);
        let buffers = Buffers::new(&gpu, &problem);
        gpu.device().destroy();
        for _ in 0..2 {
            let results = [
                gpu.cross_entropy(logits, targets, &options).map(drop),
                gpu.log_sum_exp(logits, &LogSumExp::default()).map(drop),
            ];
            for result in results {
                let error = result.expect_err("the device is gone");
                let is_device = matches!(error, Error::Device { .. } | Error::DeviceLost { .. });
                assert!(is_device, "{error:?}");
            }
        }
        // Whether a kernel still compiles is up to wgpu; nothing can be bound.
        let step = OPTIONS
            .plan(gpu.kernels(), problem.shape, &CLASSES, FUSED)
            .and_then(|plan| plan.bind(&buffers.cross_entropy(&OPTIONS, FUSED)));
        assert!(matches!(step, Err(Error::Device { .. } | Error::DeviceLost { .. })), "{step:?}");
        let uncaptured = uncaptured.lock().expect("no test panics there");
        assert!(uncaptured.is_empty(), "errors outside any scope: {uncaptured:?}");
    }
    let found = new_gpu().cross_entropy(logits, targets, &options).expect("a new device works");
    assert!((found.loss - expected.loss).abs() <= 2e-6 * expected.loss, "{found:?}");
}
