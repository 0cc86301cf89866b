//! Many threads on one device: each plans, binds, records and submits its own operations, and all
//! get the bits that one thread alone gets.

use std::collections::HashMap;
use std::sync::{Mutex, Once, PoisonError};

use wgpu_loss::kernel::Variant;
use wgpu_loss::partial::ClassRange;
use wgpu_loss::plan::Capabilities;
use wgpu_loss::{
    Axis, CrossEntropy, Element, Engine, Gpu, GradientPlace, Kernels, LogSumExp, Logits, Pass,
    Reduce, Segments, Shape, Softmax, Statistic, Step, Targets, Upstream, Weights,
};

use crate::device::gpu;
use crate::engine::Embedded;
use crate::memory::Memory;

const THREADS: usize = 8;
const ROWS: usize = 203;
const CLASSES: usize = 100;
/// Threads of this name are watched while they compile.
const WATCHED: &str = "eight threads";

/// How often each kernel was compiled by a watched thread.
static COMPILED: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

struct Compilations;

impl log::Log for Compilations {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        std::thread::current().name() == Some(WATCHED)
    }

    fn log(&self, record: &log::Record<'_>) {
        let message = record.args().to_string();
        if let Some(kernel) = message.strip_prefix("compiling ")
            && self.enabled(record.metadata())
        {
            let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
            *compiled.get_or_insert_default().entry(kernel.to_owned()).or_default() += 1;
        }
    }

    fn flush(&self) {}
}

fn watch_compilations() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Compilations).expect("no other logger here");
        log::set_max_level(log::LevelFilter::Debug);
    });
}

/// What every thread computes from.
struct Data {
    values: Vec<f32>,
    targets: Vec<i32>,
}

impl Data {
    fn new() -> Self {
        let value = |i: usize| ((i * 7919) % 1013) as f32 / 100.0 - 5.0;
        Self {
            values: (0..ROWS * CLASSES).map(value).collect(),
            targets: (0..ROWS as i32).map(|row| row * 3 % CLASSES as i32).collect(),
        }
    }

    fn logits(&self) -> Logits<'_> {
        Logits::new(&self.values, ROWS, CLASSES).expect("as many values")
    }
}

/// The results of an operation, as text: no two numbers are written alike.
fn compute(engine: &Embedded, data: &Data, operation: usize) -> String {
    let (logits, targets) = (data.logits(), Targets::classes(&data.targets));
    let upstream = Upstream::Scalar(-0.5);
    let apart = engine.clone().with_place(GradientPlace::SeparateWithRowStride(3));
    match operation {
        0 => {
            let out = engine.log_sum_exp_with_gradient(logits, upstream, &LogSumExp::default());
            format!("{:?}", out.expect("log-sum-exp"))
        }
        1 => {
            let options = CrossEntropy { label_smoothing: 0.1, ..Default::default() };
            let out = engine.cross_entropy_with_gradient(logits, targets, upstream, &options);
            format!("{:?}", out.expect("cross-entropy"))
        }
        2 => {
            let options =
                CrossEntropy { gradient_element: Some(Element::Bf16), ..Default::default() };
            let two_steps = apart.in_two_steps();
            let out = two_steps.cross_entropy_with_gradient(logits, targets, upstream, &options);
            format!("{:?}", out.expect("cross-entropy in two steps"))
        }
        3 => format!("{:?}", apart.softmax(logits, &Softmax::default()).expect("softmax")),
        4 => {
            let options = Softmax { log: true, element: None };
            format!("{:?}", engine.softmax_gradient(logits, logits, &options).expect("a gradient"))
        }
        5 => {
            let options = Reduce::new(Statistic::Mean, Axis::EachColumn);
            let weights = Weights::PerRow(&data.values[..ROWS]);
            let out = engine.reduce_with_gradient(logits, weights, upstream, &options);
            format!("{:?}", out.expect("means"))
        }
        6 => {
            let options = Reduce::new(Statistic::LogSumExp, Axis::EachColumn);
            let ids: Vec<i32> = (0..ROWS as i32).map(|row| row % 5 - 1).collect();
            let segments = Segments::Ids { ids: &ids, segments: 4 };
            let out = engine.reduce_segments(logits, segments, Weights::None, &options);
            format!("{:?}", out.expect("segments"))
        }
        _ => {
            let options = CrossEntropy::default();
            let range = ClassRange { first: 0, total: CLASSES };
            let states = engine.partial_states(logits, range, targets, &options).expect("states");
            let out = engine.cross_entropy_of_states(&states, CLASSES, targets, &options);
            format!("{:?}", out.expect("a merge"))
        }
    }
}

/// Kernels of which none is compiled.
fn new_kernels(gpu: &Gpu) -> Kernels {
    let (capabilities, tuning) = (*gpu.kernels().capabilities(), gpu.kernels().tuning());
    Kernels::with(gpu.device(), capabilities, tuning.clone()).expect("large enough")
}

#[test]
fn eight_threads_of_different_operations() {
    watch_compilations();
    let gpu = gpu();
    let data = Data::new();
    let alone = Embedded::new(&gpu).with_kernels(new_kernels(&gpu));
    let expected: Vec<_> = (0..THREADS).map(|each| compute(&alone, &data, each)).collect();
    // Kernels that the threads compile together.
    let shared = Embedded::new(&gpu).with_kernels(new_kernels(&gpu));
    let (shared, expected, data) = (&shared, &expected, &data);
    std::thread::scope(|scope| {
        for first in 0..THREADS {
            let work = move || {
                // Every thread has another operation under way, and each comes to all.
                for operation in (0..THREADS).map(|turn| (first + turn) % THREADS) {
                    let found = compute(shared, data, operation);
                    assert!(found == expected[operation], "operation {operation}");
                }
            };
            let thread = std::thread::Builder::new().name(WATCHED.to_owned());
            thread.spawn_scoped(scope, work).expect("a thread");
        }
    });
    let sorted = |kernels: &Kernels| {
        let mut names: Vec<_> = kernels.compiled().iter().map(Variant::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(sorted(&shared.kernels), sorted(&alone.kernels));
    let compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let compiled = compiled.expect("something was compiled");
    assert_eq!(compiled.len(), sorted(&alone.kernels).len());
    assert!(compiled.values().all(|times| *times == 1), "compiled twice: {compiled:?}");
}

/// One plan and one step, planned, bound and recorded by all threads at once.
#[test]
fn eight_threads_share_a_step() {
    let gpu = gpu();
    let data = Data::new();
    let engine = Embedded::new(&gpu);
    let logits = engine.upload(&data.values);
    let [alone, results] = [engine.output(4, ROWS), engine.output(4, ROWS)];
    let plan = LogSumExp::default()
        .plan(gpu.kernels(), Shape::new(ROWS, CLASSES), Pass::Forward { save_state: false })
        .expect("a plan");
    let bind = |results: &Memory| -> Step {
        plan.bind(&wgpu_loss::LogSumExpOperands {
            log_sum_exp: Some(results.slice()),
            ..wgpu_loss::LogSumExpOperands::new(logits.slice())
        })
        .expect("a step")
    };
    engine.run(&[bind(&alone)]);
    let expected: Vec<u32> = alone.read(&gpu);
    let step = bind(&results);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..20).for_each(|_| engine.run(&[step.clone(), bind(&results)])));
        }
    });
    assert_eq!(results.read::<u32>(&gpu), expected);
    assert!(expected.iter().all(|bits| f32::from_bits(*bits).is_finite()));
    assert!(logits.is_unchanged(&gpu));
}

#[test]
fn kernels_that_were_warmed_up() {
    let gpu = gpu();
    let data = Data::new();
    let before = Embedded::new(&gpu).with_kernels(new_kernels(&gpu));
    let expected: Vec<_> = (0..THREADS).map(|each| compute(&before, &data, each)).collect();
    let variants = before.kernels.compiled();
    assert!(variants.len() > 10, "{} kernels", variants.len());

    let warm = new_kernels(&gpu);
    assert_eq!(warm.compiled().len(), 0);
    warm.warm_up(&variants).expect("what was compiled before");
    assert_eq!(warm.compiled().len(), variants.len());
    warm.warm_up(&variants).expect("there is nothing left to do");
    warm.warm_up(&[]).expect("nothing");
    let after = Embedded::new(&gpu).with_kernels(warm);
    for (operation, expected) in expected.iter().enumerate() {
        assert!(compute(&after, &data, operation) == *expected, "operation {operation}");
    }
    assert_eq!(after.kernels.compiled().len(), variants.len(), "nothing more was compiled");

    let tuned = after.kernels.with_tuning(gpu.kernels().tuning().clone()).expect("a tuning");
    assert_eq!(tuned.compiled().len(), variants.len(), "what was compiled is shared");
    let few = Capabilities { max_storage_buffers: 4, ..*gpu.kernels().capabilities() };
    let small = after.kernels.with_capabilities(few).expect("enough for some");
    let error = small.warm_up(&variants).expect_err("too few buffers for some");
    assert!(matches!(error, wgpu_loss::Error::Limit { .. }), "{error}");
}
