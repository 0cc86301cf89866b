//! What plans are made of, as `debug_view` tells: which pipelines, operands and bytes each option
//! adds, and that one that is off adds none. Needs an adapter, to compile the pipelines on.

#[path = "common/device.rs"]
mod device;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use device::new_gpu;
use wgpu_loss::plan::{AdapterClass, Tuning};
use wgpu_loss::{
    Axis, CrossEntropy, DebugView, Element, GradientPlace, Input, Kernels, LogSumExp, Mode, Pass,
    PipelineView, Reduce, Reduction, RowOutputs, SegmentLayout, Shape, Softmax, SoftmaxPass,
    Statistic, TargetLayout, UpstreamSource, WeightLayout,
};

/// Rows, which are one tile of a reduction.
const N: i64 = 1000;
/// Classes.
const C: i64 = 60; // so few that every built-in table holds a row
const SHAPE: Shape = Shape::new(N as usize, C as usize);
/// Bytes of a tile's partial results.
const PARTIAL: i64 = 24;
/// Bytes of the reduced results.
const TOTALS: i64 = 32;

const FORWARD: Pass = Pass::Forward { save_state: false };
const SAVING: Pass = Pass::Forward { save_state: true };
const FUSED: Pass =
    Pass::Fused { gradient: GradientPlace::InPlace, upstream: UpstreamSource::Scalar };
const BACKWARD: Pass =
    Pass::Backward { gradient: GradientPlace::InPlace, upstream: UpstreamSource::Scalar };

/// Kernels that the tests of this file share.
fn kernels() -> &'static Kernels {
    static KERNELS: OnceLock<Kernels> = OnceLock::new();
    KERNELS.get_or_init(new_kernels)
}

fn new_kernels() -> Kernels {
    new_gpu().kernels().clone()
}

/// Everything that a plan of cross-entropy depends on; as usual but for what a test changes.
#[derive(Clone, Copy)]
struct Setting {
    options: CrossEntropy,
    shape: Shape,
    targets: TargetLayout,
    pass: Pass,
}

impl Setting {
    fn usual(pass: Pass) -> Self {
        let (options, targets) = (CrossEntropy::default(), TargetLayout::default());
        Self { options, shape: SHAPE, targets, pass }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn view(&self) -> DebugView {
        self.view_on(kernels())
    }

    fn view_on(&self, kernels: &Kernels) -> DebugView {
        let Self { options, shape, targets, pass } = self;
        options.plan(kernels, *shape, targets, *pass).expect("a plan").debug_view()
    }
}

/// The kernel's name: the first word of its label behind the library's.
fn name(pipeline: &PipelineView) -> &str {
    pipeline.label.split_whitespace().nth(1).expect("a label")
}

fn names(view: &DebugView) -> Vec<&str> {
    view.pipelines.iter().map(name).collect()
}

/// Each operand, with the name of the pipeline that it is an operand of.
fn operands(view: &DebugView) -> BTreeSet<(&str, &'static str)> {
    fn of_one(each: &PipelineView) -> impl Iterator<Item = (&str, &'static str)> {
        each.operands.iter().map(move |&operand| (name(each), operand))
    }
    view.pipelines.iter().flat_map(of_one).collect()
}

/// Bytes read, bytes written.
fn bytes(view: &DebugView) -> (i64, i64) {
    let sum = |of: fn(&PipelineView) -> u64| view.pipelines.iter().map(of).sum::<u64>() as i64;
    (sum(|each| each.bytes_read), sum(|each| each.bytes_written))
}

/// One of a plan's pipelines: its name, its operands, bytes read and written, reads of the logits.
type Expected<'a> = (&'a str, &'a [&'a str], i64, i64, u32);

#[track_caller]
fn assert_view(view: &DebugView, expected: &[Expected<'_>]) {
    // Each with the text that is compiled.
    let mut sources = view.pipelines.iter().map(|each| &each.source);
    assert!(sources.all(|source| source.matches("@compute").count() == 1));
    let found: Vec<_> = view
        .pipelines
        .iter()
        .map(|each| {
            let (read, written) = (each.bytes_read as i64, each.bytes_written as i64);
            (name(each), &each.operands[..], read, written, each.reads)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_usual_plans() {
    let usual = Setting::usual;
    let counts: [Expected<'_>; 2] = [
        ("CountTiles", &["targets", "partials"], 4 * N, PARTIAL, 0),
        ("CountFinish", &["partials", "totals"], PARTIAL, TOTALS, 0),
    ];
    let sums: [Expected<'_>; 2] = [
        ("SumTiles", &["rows", "partials"], 4 * N, PARTIAL, 0),
        ("SumFinish", &["partials", "totals"], PARTIAL, TOTALS, 0),
    ];
    let around = |rows: Expected<'static>| [&counts[..], &[rows], &sums[..]].concat();
    let matrix = 4 * N * C;
    let forward = ("CrossEntropy", &["logits", "targets", "rows"][..], matrix + 4 * N, 4 * N, 1);
    assert_view(&usual(FORWARD).view(), &around(forward));
    let saving = &["logits", "targets", "rows", "state"][..];
    let saving = ("CrossEntropy", saving, matrix + 4 * N, 4 * N + 8 * N, 1);
    assert_view(&usual(SAVING).view(), &around(saving));
    let fused = &["logits", "targets", "rows", "totals"][..];
    let fused = ("CrossEntropy", fused, matrix + 4 * N + 8, matrix + 4 * N, 1);
    assert_view(&usual(FUSED).view(), &around(fused));
    let backward = &["logits", "targets", "state", "totals"][..];
    let backward = ("CrossEntropy", backward, matrix + 4 * N + 8 * N + 8, matrix, 1);
    assert_view(&usual(BACKWARD).view(), &[backward]);

    let log_sum_exp =
        |pass| LogSumExp::default().plan(kernels(), SHAPE, pass).expect("a plan").debug_view();
    let rows = &["logits", "log_sum_exp"][..];
    assert_view(&log_sum_exp(FORWARD), &[("LogSumExp", rows, matrix, 4 * N, 1)]);
    assert_view(&log_sum_exp(FUSED), &[("LogSumExp", rows, matrix, matrix + 4 * N, 1)]);
    let state = &["logits", "state"][..];
    assert_view(&log_sum_exp(BACKWARD), &[("LogSumExp", state, matrix + 8 * N, matrix, 1)]);
}

#[test]
fn softmax_plans() {
    let view = |log, element, pass| {
        Softmax { log, element }.plan(kernels(), SHAPE, pass).expect("a plan").debug_view()
    };
    let matrix = 4 * N * C;
    let in_place = GradientPlace::InPlace;
    let separate = GradientPlace::Separate;
    let one = &["logits"][..];
    let two = &["logits", "gradient"][..];
    for (log, name) in [(false, "Softmax"), (true, "LogSoftmax")] {
        let forward = |element, output| view(log, element, SoftmaxPass::Forward { output });
        assert_view(&forward(None, in_place), &[(name, one, matrix, matrix, 1)]);
        assert_view(&forward(None, separate), &[(name, two, matrix, matrix, 1)]);
        let half = forward(Some(Element::Bf16), separate);
        assert_view(&half, &[(name, two, matrix, matrix / 2, 1)]);
    }
    for (log, name) in [(false, "SoftmaxGradient"), (true, "LogSoftmaxGradient")] {
        for (element, upstream_bytes) in [(Element::F32, matrix), (Element::F16, matrix / 2)] {
            let upstream = SHAPE.with_element(element);
            let backward = |gradient| view(log, None, SoftmaxPass::Backward { upstream, gradient });
            let read = matrix + upstream_bytes;
            let operands = &["logits", "upstream gradient"][..];
            assert_view(&backward(in_place), &[(name, operands, read, matrix, 1)]);
            let operands = &["logits", "gradient", "upstream gradient"][..];
            assert_view(&backward(separate), &[(name, operands, read, matrix, 1)]);
        }
    }
}

/// What an option costs.
#[derive(Clone, Copy)]
struct Cost {
    /// An operand that the kernel over the rows has beside the usual ones, and its bytes.
    operand: Option<(&'static str, i64)>,
    /// What counting reads of that operand; `None`: it does not have it.
    counting: Option<i64>,
    /// Words more in each row's record.
    words: i64,
    /// Words more that the sums over the batch read of each record.
    summed: i64,
    /// Bytes more in each row's state.
    state: i64,
    /// The gradient is not divided.
    undivided: bool,
}

const NOTHING: Cost =
    Cost { operand: None, counting: None, words: 0, summed: 0, state: 0, undivided: false };
/// A word of each row.
const WORD: Cost = Cost { words: 1, ..NOTHING };

fn row_output(setting: &mut Setting, ask: fn(&mut RowOutputs)) {
    ask(&mut setting.options.rows);
}

/// An option that can be toggled alone, and what it costs.
type Toggle = (&'static str, fn(&mut Setting), Cost);

fn toggles() -> Vec<Toggle> {
    vec![
        ("the defaults", |_| {}, NOTHING),
        ("no ignore index", |it| it.options.ignore_index = None, NOTHING),
        (
            "the sum",
            |it| it.options.reduction = Reduction::Sum,
            Cost { undivided: true, ..NOTHING },
        ),
        ("masked", |it| it.options.mode = Mode::Masked, NOTHING),
        ("logit scale", |it| it.options.logit_scale = 0.5, NOTHING),
        ("softcap", |it| it.options.softcap = Some(30.0), NOTHING),
        (
            "class weights",
            |it| it.targets.class_weights = true,
            Cost { operand: Some(("class_weights", 4 * C)), counting: Some(4 * N), ..NOTHING },
        ),
        (
            "row weights",
            |it| it.targets.row_weights = true,
            Cost { operand: Some(("row_weights", 4 * N)), counting: Some(4 * N), ..NOTHING },
        ),
        // A state that knows the sum over all classes.
        ("smoothing", |it| it.options.label_smoothing = 0.1, Cost { state: 24, ..NOTHING }),
        // The loss gives way to its two parts, which are reduced apart.
        ("z-loss", |it| it.options.z_loss = 1e-4, Cost { words: 1, summed: 1, ..NOTHING }),
        ("losses", |it| row_output(it, |rows| rows.loss = true), NOTHING),
        ("log-sum-exps", |it| row_output(it, |rows| rows.log_sum_exp = true), WORD),
        ("log-probs", |it| row_output(it, |rows| rows.target_log_probability = true), WORD),
        ("entropies", |it| row_output(it, |rows| rows.entropy = true), WORD),
        ("argmax", |it| row_output(it, |rows| rows.argmax = true), WORD),
        ("target ranks", |it| row_output(it, |rows| rows.target_rank = true), WORD),
        ("z-losses", |it| row_output(it, |rows| rows.z_loss = true), WORD),
        ("correct", |it| it.options.correct = true, Cost { summed: 1, ..WORD }),
    ]
}

/// Each option alone, on top of each pass: exactly these operands and bytes, and no pipeline.
#[test]
fn an_option_costs_what_it_says() {
    for pass in [FORWARD, SAVING, FUSED, BACKWARD] {
        for (what, change, cost) in toggles() {
            let usual = Setting::usual(pass).view();
            let view = Setting::usual(pass).with(change).view();
            let what = format!("{what} in {pass:?}");
            assert_eq!(names(&view), names(&usual), "{what}");

            let forward = !matches!(pass, Pass::Backward { .. });
            let has_state = matches!(pass, SAVING | BACKWARD);
            let (mut read, mut written) = (0, 0);
            let mut added = BTreeSet::new();
            if let Some((operand, bytes)) = cost.operand {
                added.insert(("CrossEntropy", operand));
                read += bytes;
            }
            if let (true, Some(bytes), Some((operand, _))) = (forward, cost.counting, cost.operand)
            {
                added.insert(("CountTiles", operand));
                read += bytes;
            }
            if forward {
                written += 4 * N * cost.words;
                read += 4 * N * cost.summed;
            }
            if has_state {
                *(if forward { &mut written } else { &mut read }) += N * cost.state;
            }
            let mut removed = BTreeSet::new();
            if cost.undivided && matches!(pass, FUSED | BACKWARD) {
                removed.insert(("CrossEntropy", "totals"));
                read -= 8;
            }
            let expected: BTreeSet<_> = operands(&usual).union(&added).copied().collect();
            let expected: BTreeSet<_> = expected.difference(&removed).copied().collect();
            assert_eq!(operands(&view), expected, "{what}");
            let (usual_read, usual_written) = bytes(&usual);
            assert_eq!(bytes(&view), (usual_read + read, usual_written + written), "{what}");
            assert_eq!(view.bytes() as i64, usual.bytes() as i64 + read + written, "{what}");
        }
    }
}

/// All of them together cost what they cost one by one.
#[test]
fn options_cost_no_more_together() {
    let all = |it: &mut Setting| toggles().into_iter().for_each(|(_, change, _)| change(it));
    for pass in [FORWARD, SAVING] {
        let usual = Setting::usual(pass).view();
        let view = Setting::usual(pass).with(all).view();
        let (mut read, mut written) = bytes(&usual);
        for (_, _, cost) in toggles() {
            read += cost.operand.map_or(0, |(_, bytes)| bytes) + cost.counting.unwrap_or(0);
            read += 4 * N * cost.summed;
            written += 4 * N * cost.words;
            written += if pass == SAVING { N * cost.state } else { 0 };
        }
        // The words of a z-loss are those that were asked for, and the loss is no longer left out.
        assert_eq!(names(&view), names(&usual));
        assert_eq!(bytes(&view), (read, written), "{pass:?}");
    }
}

/// What takes another thing's place.
#[test]
fn alternatives() {
    let usual = Setting::usual(FORWARD).view();
    let (read, written) = bytes(&usual);
    let matrix = 4 * N * C;

    // Nothing is reduced: no kernels for it.
    let none = Setting::usual(FORWARD).with(|it| it.options.reduction = Reduction::None).view();
    assert_eq!(names(&none), ["CountTiles", "CountFinish", "CrossEntropy"]);
    let sums = (4 * N + PARTIAL, PARTIAL + TOTALS);
    assert_eq!(bytes(&none), (read - sums.0, written - sums.1));
    // But for correct rows.
    let correct = Setting::usual(FORWARD)
        .with(|it| it.options.reduction = Reduction::None)
        .with(|it| it.options.correct = true)
        .view();
    assert_eq!(names(&correct), names(&usual));
    assert_eq!(bytes(&correct), (read, written + 4 * N));

    // Probabilities in the targets' place, which nothing has to be counted of.
    for (element, bytes_of_one) in [(Element::F32, 4), (Element::F16, 2), (Element::Bf16, 2)] {
        let change = |it: &mut Setting| {
            it.targets.probabilities = Some(SHAPE.with_element(element).with_row_stride(107));
        };
        let view = Setting::usual(FORWARD).with(change).view();
        let removed = [("CountTiles", "targets"), ("CrossEntropy", "targets")];
        let mut expected = operands(&usual);
        removed.iter().for_each(|operand| assert!(expected.remove(operand)));
        expected.insert(("CrossEntropy", "probabilities"));
        assert_eq!(operands(&view), expected);
        assert_eq!(bytes(&view), (read - 8 * N + bytes_of_one * N * C, written));
        // Class weights are read for every class, but have no part in the denominator.
        let weighted =
            Setting::usual(FORWARD).with(change).with(|it| it.targets.class_weights = true);
        expected.insert(("CrossEntropy", "class_weights"));
        let weighted = weighted.view();
        assert_eq!(operands(&weighted), expected);
        assert_eq!(bytes(&weighted).0, bytes(&view).0 + 4 * C);
    }

    // Half the bytes, and no operand, in any layout.
    for element in [Element::F16, Element::Bf16] {
        for shape in [SHAPE.with_row_stride(131), Shape::with_class_axis(50, C as usize, 20)] {
            let view = Setting::usual(FORWARD).with(|it| it.shape = shape.with_element(element));
            let view = view.view();
            assert_eq!(operands(&view), operands(&usual));
            assert_eq!(bytes(&view), (read - matrix / 2, written));
        }
    }

    // Of log-probabilities only the target's is read.
    for (pass, read, written) in [(FORWARD, 0, 0), (FUSED, 8, matrix)] {
        let logits = Setting::usual(pass).view();
        let change = |it: &mut Setting| it.options.input = Input::LogProbabilities;
        let view = Setting::usual(pass).with(change).view();
        assert_eq!(operands(&view), operands(&logits));
        assert_eq!(bytes(&view).0, bytes(&usual).0 - matrix + 4 * N + read, "{pass:?}");
        assert_eq!(bytes(&view).1, bytes(&usual).1 + written, "{pass:?}");
    }
}

/// The gradient: where it goes, how it is stored, what it is multiplied by.
#[test]
fn gradients() {
    use GradientPlace::{InPlace, Separate, SeparateWithRowStride};
    use UpstreamSource::{OneInBuffer, PerRow, Scalar};
    let matrix = 4 * N * C;
    for is_backward in [false, true] {
        let pass = |gradient, upstream| match is_backward {
            true => Pass::Backward { gradient, upstream },
            false => Pass::Fused { gradient, upstream },
        };
        let per_row = |it: &mut Setting| it.options.reduction = Reduction::None;
        let of = |gradient, upstream| Setting::usual(pass(gradient, upstream)).with(per_row);
        let usual = of(InPlace, Scalar).view();
        let (read, written) = bytes(&usual);
        for place in [Separate, SeparateWithRowStride(131)] {
            let view = of(place, Scalar).view();
            let mut expected = operands(&usual);
            expected.insert(("CrossEntropy", "gradient"));
            assert_eq!(operands(&view), expected);
            assert_eq!(bytes(&view), (read, written), "gaps are not written");
            let half =
                of(place, Scalar).with(|it| it.options.gradient_element = Some(Element::F16));
            assert_eq!(bytes(&half.view()), (read, written - matrix / 2));
        }
        for (source, bytes_of_it) in [(OneInBuffer, 4), (PerRow, 4 * N)] {
            let view = of(InPlace, source).view();
            let mut expected = operands(&usual);
            expected.insert(("CrossEntropy", "upstream"));
            assert_eq!(operands(&view), expected);
            assert_eq!(bytes(&view), (read + bytes_of_it, written));
        }
    }
}

/// A plan compiles the pipelines that its view lists, and no other.
#[test]
fn a_plan_compiles_what_its_view_lists() {
    let kernels = new_kernels();
    let compiled =
        || -> BTreeSet<String> { kernels.compiled().iter().map(ToString::to_string).collect() };
    assert!(compiled().is_empty());
    let shapes = [
        SHAPE,
        SHAPE.with_row_stride(131), // read one by one
        SHAPE.with_element(Element::Bf16),
        Shape::with_class_axis(50, C as usize, 20),
    ];
    let mut grown = 0;
    for shape in shapes {
        for pass in [FORWARD, SAVING, FUSED, BACKWARD] {
            for (what, change, _) in toggles() {
                let setting = Setting::usual(pass).with(change).with(|it| it.shape = shape);
                let before = compiled();
                let view = setting.view_on(&kernels);
                let listed: BTreeSet<_> =
                    view.pipelines.iter().map(|each| each.label.clone()).collect();
                assert_eq!(listed.len(), view.pipelines.len(), "each once");
                let expected: BTreeSet<_> = before.union(&listed).cloned().collect();
                assert_eq!(compiled(), expected, "{what} of {shape:?} in {pass:?}");
                grown += usize::from(expected.len() > before.len());
            }
        }
    }
    assert!(grown > 60, "only {grown} plans compiled anything");
}

#[test]
fn a_view_can_be_read() {
    let view = Setting::usual(FORWARD).view();
    let text = view.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert!(lines[2].contains("CrossEntropy"), "{text}");
    assert!(lines[2].contains("244000 read, 4000 written; logits, targets, rows"), "{text}");
    assert_eq!(lines[5], format!("5 pipelines, {} bytes", view.bytes()));
}

fn reduction(options: Reduce, shape: Shape, weights: WeightLayout, pass: Pass) -> DebugView {
    let plan = options.plan(kernels(), shape, weights, pass).expect("a reduction");
    plan.debug_view().expect("its kernels")
}

/// One stage while a team takes all values, two while a workgroup merges the parts, then three; a
/// part more where the values do not end with a vector.
#[test]
fn the_stages_of_a_sum() {
    let part = kernels().tuning().reduce.part_length as usize;
    let sum = Reduce::default();
    for (count, pipelines) in
        [(part, 1), (part + 4, 2), (part + 5, 3), (1024 * part, 2), (1024 * part + 4, 3)]
    {
        let view = reduction(sum, Shape::new(1, count), WeightLayout::None, FORWARD);
        assert_eq!(view.pipelines.len(), pipelines, "{count}: {view}");
        assert_eq!(view.pipelines[0].bytes_read, 4 * count as u64);
        assert_eq!(view.pipelines[0].operands[0], "values");
    }
    // Each row has its own result, whatever their number.
    let rows = Reduce::new(Statistic::Sum, Axis::EachRow);
    let view = reduction(rows, Shape::new(1 << 20, 1000), WeightLayout::None, FORWARD);
    assert_eq!(view.pipelines.len(), 1, "{view}");
}

/// Weights, gradients and an upstream gradient in a buffer have a binding each, and none where they
/// are not asked for.
#[test]
fn what_a_reduction_is_given() {
    let operands = |options, weights, pass| {
        let view = reduction(options, SHAPE, weights, pass);
        let all = view.pipelines.iter().flat_map(|each| each.operands.clone());
        all.collect::<BTreeSet<_>>()
    };
    let mean = Reduce::new(Statistic::Mean, Axis::EachRow);
    let plain = operands(mean, WeightLayout::None, FORWARD);
    assert_eq!(plain, BTreeSet::from(["values", "results"]));
    let weighted = operands(mean, WeightLayout::PerColumn, FORWARD);
    assert_eq!(weighted, BTreeSet::from(["values", "weights", "results"]));
    let backward = operands(mean, WeightLayout::PerColumn, BACKWARD);
    assert_eq!(backward, BTreeSet::from(["values", "weights", "results"]));
    let all = Reduce { weight_gradient: true, ..mean };
    let apart =
        Pass::Backward { gradient: GradientPlace::Separate, upstream: UpstreamSource::PerRow };
    let backward = operands(all, WeightLayout::PerElement(SHAPE), apart);
    let every = ["values", "weights", "gradient", "weight_gradient", "results", "upstream"];
    assert_eq!(backward, BTreeSet::from(every));
    // A gradient that does not depend on the values does not read them.
    let sum = Reduce::new(Statistic::Sum, Axis::EachRow);
    assert_eq!(operands(sum, WeightLayout::None, apart), BTreeSet::from(["gradient", "upstream"]));
}

/// Offsets are used as they are; ids are sorted by first.
#[test]
fn segments_are_sorted_only_by_ids() {
    let compiled =
        || kernels().compiled().iter().filter(|each| each.to_string().contains("sort")).count();
    let mean = Reduce::new(Statistic::Mean, Axis::EachColumn);
    let plan = |segments| {
        mean.plan_segments(kernels(), SHAPE, WeightLayout::None, segments).expect("segments")
    };
    let before = compiled();
    assert_eq!(plan(SegmentLayout::Offsets(7)).results(), 7 * C as usize);
    assert_eq!(compiled(), before, "offsets need no sort");
    assert_eq!(plan(SegmentLayout::Ids(300)).result_words(), 2);
    assert!(compiled() >= before + 4);
}

#[test]
fn lanes_read_side_by_side_where_there_are_no_whole_vectors() {
    let gpu = new_gpu();
    let many_lanes = gpu.with_tuning(Tuning::built_in(AdapterClass::Discrete)).expect("a tuning");
    let access = |shape: Shape| {
        let view = Setting::usual(FUSED).with(|it| it.shape = shape).view_on(many_lanes.kernels());
        view.to_string().split_whitespace().find_map(|word| {
            ["Vector", "Scalar", "Interleaved"].into_iter().find(|access| *access == word)
        })
    };
    let single_precision = Shape::new(SHAPE.rows, 1001);
    assert_eq!(access(single_precision), Some("Interleaved"));
    // Wherever the rows start, so that the order of their sums is the same.
    assert_eq!(access(single_precision.with_row_stride(1004)), Some("Interleaved"));
    assert_eq!(access(single_precision.with_element(Element::Bf16)), Some("Scalar"));
    assert_eq!(access(Shape::new(SHAPE.rows, 1000)), Some("Vector"));
    assert_eq!(access(Shape::new(SHAPE.rows, 1000).with_row_stride(1001)), Some("Scalar"));
}
