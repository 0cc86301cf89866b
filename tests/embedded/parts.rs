//! Vocabulary splits on the device: states of parts of the classes, merged, then the gradient of
//! each part, all in one submission and on the same buffers.

use wgpu_loss::partial::{ClassRange, PartialState};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, CrossEntropyOutput, Element, Engine, Error, GradientPlace,
    Input, LogSumExp, LogSumExpOutput, Logits, MergeOperands, Mode, OwnedValues, Pass, Reduce,
    ReduceOutput, Reduction, Result, Segments, Shape, Softmax, TargetLayout, Targets, Upstream,
    UpstreamSource,
};
use wgpu_loss_verify::{
    Case, Factor, Probabilities, Targets as CaseTargets, Weights, check_merged_parts,
};

use crate::calls::{check, cross_entropy, engines, engines_in_turn, options};
use crate::device::{gpu, shrunken};
use crate::engine::{DeviceTargets, Embedded, refuse_invalid, upstream_operand};
use crate::memory::{Memory, assert_written};
use crate::problem::{ALL_OF_PARTS, ALL_OF_PROBABILITIES};
use crate::results::{Results, wants_rows};

/// Computes cross-entropy in so many parts, each of which is some columns of the same logits.
#[derive(Debug)]
struct InParts {
    engine: Embedded,
    parts: usize,
}

/// Columns of a part: the first, and how many. No two parts have as many, where there are enough.
fn columns(classes: usize, parts: usize) -> Vec<(usize, usize)> {
    let cut = |part: usize| match part == parts {
        true => classes,
        false => classes * part * (part + 2) / (parts * (parts + 3)),
    };
    (0..parts).map(|part| (cut(part), cut(part + 1) - cut(part))).collect()
}

/// The first element of a column.
fn start(shape: Shape, first: usize) -> usize {
    first * shape.inner * shape.element.bytes()
}

impl InParts {
    fn evaluate(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let engine = &self.engine;
        let (shape, layout) = (logits.shape(), targets.layout());
        let columns = columns(shape.classes, self.parts);
        let element = options.gradient_element.unwrap_or(shape.element);
        let place = engine.place_of(shape, element);
        let gradient_shape = Embedded::shape_at(place, shape, element);
        let device_logits = engine.upload_logits(logits);
        let device_targets = DeviceTargets::new(engine, targets);
        let gradient =
            (place != GradientPlace::InPlace).then(|| engine.output_matrix(gradient_shape));
        let states = engine.output(32, 8 * shape.rows * self.parts);
        let merged = engine.output(32, 8 * shape.rows);

        let class_weights = device_targets.class_weights.as_ref().map(Memory::slice);
        let row_weights = device_targets.row_weights.as_ref().map(Memory::slice);
        let part_of = |whole: Shape, classes| Shape { classes, ..whole };
        let operands = |first| {
            let targets = match layout.probabilities {
                Some(shape) => device_targets.targets.slice_from(start(shape, first)),
                None => device_targets.targets.slice(),
            };
            let logits = device_logits.slice_from(start(shape, first));
            CrossEntropyOperands {
                class_weights,
                row_weights,
                ..CrossEntropyOperands::new(logits, targets)
            }
        };
        let layout_of = |classes| TargetLayout {
            probabilities: layout.probabilities.map(|shape| part_of(shape, classes)),
            ..layout
        };
        let plan_part = |first, classes, pass| {
            let range = ClassRange { first, total: shape.classes };
            let (shape, layout) = (part_of(shape, classes), layout_of(classes));
            options.plan_part(&engine.kernels, shape, range, &layout, pass)
        };

        let mut steps = Vec::new();
        for (part, &(first, classes)) in columns.iter().enumerate() {
            let plan = plan_part(first, classes, Pass::Forward { save_state: true })?;
            let state = states.slice_from(32 * shape.rows * part);
            steps.push(plan.bind(&CrossEntropyOperands { state: Some(state), ..operands(first) })?);
        }
        let (rows, total) = (shape.rows, shape.classes);
        let merge = options.plan_merge(&engine.kernels, rows, self.parts, total, &layout)?;
        let results = Results::new(engine, merge.record(), rows);
        steps.push(merge.bind(&MergeOperands {
            targets: device_targets.is_class.then(|| device_targets.targets.slice()),
            class_weights,
            row_weights,
            rows: wants_rows(options).then(|| results.rows.slice()),
            state: Some(merged.slice()),
            totals: Some(results.totals.slice()),
            ..MergeOperands::new(states.slice())
        })?);
        let factors = upstream.map(|it| engine.upstream(it));
        if let (Some(upstream), Some((source, factors))) = (upstream, &factors) {
            for &(first, classes) in &columns {
                let place = match place {
                    GradientPlace::InPlace => place,
                    _ => GradientPlace::SeparateWithRowStride(gradient_shape.row_stride),
                };
                let pass = Pass::Backward { gradient: place, upstream: *source };
                let from = start(gradient_shape, first);
                steps.push(plan_part(first, classes, pass)?.bind(&CrossEntropyOperands {
                    gradient: gradient.as_ref().map(|gradient| gradient.slice_from(from)),
                    state: Some(merged.slice()),
                    totals: Some(results.totals.slice()),
                    upstream: upstream_operand(upstream, factors),
                    ..operands(first)
                })?);
            }
        }
        engine.run(&steps);
        engine.assert_unchanged(device_targets.all());
        for states in [&states, &merged] {
            assert_written(&OwnedValues::F32(states.read(&engine.gpu)));
        }
        let output = results.read(engine, options);
        refuse_invalid(&results.totals(engine), targets, total)?;
        let read = || engine.read_matrix(&device_logits, gradient.as_ref(), gradient_shape);
        Ok(CrossEntropyOutput { gradient: upstream.is_some().then(read), ..output })
    }
}

impl Engine for InParts {
    fn name(&self) -> String {
        format!("{} parts, {}", self.parts, self.engine.name())
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: Targets<'_>,
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        self.evaluate(logits, targets, upstream, options)
    }

    fn evaluate_log_sum_exp(
        &self,
        _: Logits<'_>,
        _: Option<Upstream<'_>>,
        _: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        unreachable!("only cross-entropy has parts")
    }

    fn evaluate_softmax(
        &self,
        _: Logits<'_>,
        _: Option<Logits<'_>>,
        _: &Softmax,
    ) -> Result<OwnedValues> {
        unreachable!("only cross-entropy has parts")
    }

    fn partial_states(
        &self,
        _: Logits<'_>,
        _: ClassRange,
        _: Targets<'_>,
        _: &CrossEntropy,
    ) -> Result<Vec<PartialState>> {
        unreachable!("the parts have none of their own")
    }

    fn cross_entropy_of_states(
        &self,
        _: &[PartialState],
        _: usize,
        _: Targets<'_>,
        _: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        unreachable!("the parts have none of their own")
    }

    fn partial_gradient(
        &self,
        _: Logits<'_>,
        _: ClassRange,
        _: &[PartialState],
        _: Targets<'_>,
        _: Upstream<'_>,
        _: &CrossEntropy,
    ) -> Result<OwnedValues> {
        unreachable!("the parts have none of their own")
    }

    fn evaluate_softmax_loss(
        &self,
        _: Logits<'_>,
        _: wgpu_loss::SoftmaxAgainst<'_>,
        _: Option<Upstream<'_>>,
        _: &wgpu_loss::SoftmaxLoss,
    ) -> Result<wgpu_loss::SoftmaxLossOutput> {
        unreachable!("only cross-entropy has parts")
    }

    fn evaluate_elementwise(
        &self,
        _: &wgpu_loss::Elementwise<'_>,
        _: Option<wgpu_loss::ElementwiseUpstream<'_>>,
        _: &wgpu_loss::ElementwiseLoss,
    ) -> Result<wgpu_loss::ElementwiseOutput> {
        unreachable!("only cross-entropy has parts")
    }

    fn evaluate_reduce(
        &self,
        _: Logits<'_>,
        _: wgpu_loss::Weights<'_>,
        _: Option<Upstream<'_>>,
        _: &Reduce,
    ) -> Result<ReduceOutput> {
        unreachable!("only cross-entropy has parts")
    }

    fn reduce_segments(
        &self,
        _: Logits<'_>,
        _: Segments<'_>,
        _: wgpu_loss::Weights<'_>,
        _: &Reduce,
    ) -> Result<ReduceOutput> {
        unreachable!("only cross-entropy has parts")
    }
}

/// The options that a part has to know of.
fn changes() -> Vec<fn(&mut Case)> {
    vec![
        |_| {},
        |case| case.upstream = Factor::None,
        |case| {
            options(case).reduction = Reduction::None;
            case.upstream = Factor::PerRow;
        },
        |case| {
            options(case).reduction = Reduction::Sum;
            options(case).z_loss = 0.01;
        },
        |case| {
            options(case).rows = ALL_OF_PARTS;
            options(case).correct = true;
            options(case).label_smoothing = 0.1;
            options(case).z_loss = 0.01;
            case.class_weights = Some(Weights::Signed);
            case.row_weights = Some(Weights::Positive);
        },
        |case| {
            options(case).logit_scale = 0.75;
            options(case).softcap = Some(4.0);
            options(case).mode = Mode::Masked;
            options(case).gradient_element = Some(Element::F16);
            case.class_weights = Some(Weights::SomeZero);
            case.row_weights = Some(Weights::SomeZero);
        },
        |case| {
            case.targets = CaseTargets::Probabilities {
                kind: Probabilities::Sparse,
                element: Element::Bf16,
                gap: 1,
            };
            options(case).rows = ALL_OF_PROBABILITIES;
            options(case).label_smoothing = 0.1;
            case.class_weights = Some(Weights::Positive);
        },
    ]
}

#[test]
fn parts_on_the_device_are_the_whole() {
    let gpu = gpu();
    for shape in [
        Shape::new(19, 12),
        Shape::new(23, 37).with_row_stride(39),
        Shape::new(9, 1501),
        Shape::new(5, 9001),
        Shape::with_class_axis(3, 13, 7).with_row_stride(92),
    ] {
        for (turn, change) in changes().into_iter().enumerate() {
            for parts in [1, 2, 3] {
                let element = Element::ALL[(turn + parts) % 3];
                let mut case = cross_entropy(shape.with_element(element));
                change(&mut case);
                for engine in engines_in_turn(&gpu, [turn + turn / 4 + parts]) {
                    check(&case, &InParts { engine, parts });
                }
            }
        }
    }
}

/// The states of a part, and what follows from merged ones, one verb at a time.
#[test]
fn the_verbs_one_by_one() {
    let gpu = gpu();
    let shapes = [Shape::new(19, 12), Shape::new(7, 601), Shape::with_class_axis(3, 13, 7)];
    for (at, shape) in shapes.into_iter().enumerate() {
        for (turn, change) in changes().into_iter().enumerate() {
            // Two of the shapes by turns: each is a handful of kernels to compile.
            if turn % 3 == at {
                continue;
            }
            let mut case = cross_entropy(shape);
            change(&mut case);
            let options = *options(&mut case);
            let call = case.call();
            let targets = call.targets().expect("the shape fits");
            let logits = call.logits.view().expect("the shape fits");
            let factors: Vec<_> = (0..shape.rows).map(|row| 0.5 - row as f32).collect();
            let upstream = match case.upstream {
                Factor::None => None,
                Factor::PerRow => Some(Upstream::PerRow(&factors)),
                _ => Some(Upstream::Scalar(-0.37)),
            };
            for parts in [1, 2, 3] {
                let engine = &engines(&gpu)[(turn + parts) % 4];
                let result = check_merged_parts(engine, logits, parts, targets, upstream, &options);
                let name = engine.name();
                assert!(result.passed(), "{name}: {parts}, {case}: {:?}", result.failure);
            }
        }
    }
}

/// More than a dispatch and a binding hold, but for the states of all parts.
#[test]
fn parts_of_many_rows() {
    let gpu = gpu();
    let kernels = shrunken(|limits| {
        (limits.max_binding_bytes, limits.max_workgroups) = (1 << 20, 256);
    });
    for element in [Element::F32, Element::F16] {
        let mut case = cross_entropy(Shape::new(17_000, 31).with_element(element));
        options(&mut case).rows = ALL_OF_PARTS;
        case.row_weights = Some(Weights::Positive);
        for engine in engines(&gpu) {
            // Several parts' states have to fit in one binding; one part's are cut with its rows.
            let engine = engine.with_kernels(kernels.clone());
            check(&case, &InParts { engine: engine.clone(), parts: 1 });
            let error = case.check(&InParts { engine, parts: 2 }).error.expect("refused");
            let is_named =
                matches!(error, Error::Limit { limit: "max_storage_buffer_binding_size", .. });
            assert!(is_named, "{error}");
        }
    }
}

fn message<T>(result: Result<T>) -> String {
    let error = result.map(drop).expect_err("refused");
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn mistakes_are_named() {
    let gpu = gpu();
    let kernels = gpu.kernels();
    let (shape, layout) = (Shape::new(5, 10), TargetLayout::default());
    let usual = CrossEntropy::default();
    let forward = Pass::Forward { save_state: true };
    let range = ClassRange { first: 0, total: 30 };
    let plan = |options: &CrossEntropy, range, pass| {
        options.plan_part(kernels, shape, range, &layout, pass)
    };
    let beyond = message(plan(&usual, ClassRange { first: 21, total: 30 }, forward));
    assert!(beyond.contains("a part of 30 classes") && beyond.contains("from 21"), "{beyond}");
    let upstream = UpstreamSource::Scalar;
    let fused = Pass::Fused { gradient: GradientPlace::InPlace, upstream };
    for pass in [fused, Pass::Forward { save_state: false }] {
        assert!(message(plan(&usual, range, pass)).contains("forward that saves states"));
    }
    let logs = CrossEntropy { input: Input::LogProbabilities, ..usual };
    assert!(message(plan(&logs, range, forward)).contains("log-probabilities"));
    let none = message(usual.plan_merge(kernels, 5, 0, 30, &layout));
    assert!(none.contains("number of parts") && none.contains("at least 1"), "{none}");

    // The operands of both verbs.
    let engine = Embedded::new(&gpu);
    let buffers = [8 * 5 * 2, 5, 8 * 5, 8].map(|words| engine.output(32, words));
    let [parts, targets, state, totals] = &buffers;
    let merge = usual.plan_merge(kernels, 5, 2, 30, &layout).expect("a plan");
    let whole = MergeOperands {
        targets: Some(targets.slice()),
        state: Some(state.slice()),
        totals: Some(totals.slice()),
        ..MergeOperands::new(parts.slice())
    };
    merge.bind(&whole).expect("nothing is wrong");
    let short = parts.buffer.slice(..319);
    let between = parts.buffer.slice(16..);
    for (operands, words) in [
        (MergeOperands { parts: short, ..whole }, ["parts", "at least 320 bytes"]),
        (MergeOperands { parts: between, ..whole }, ["parts", "multiple of 32 bytes"]),
        (MergeOperands { targets: None, ..whole }, ["targets", "none"]),
        (MergeOperands { state: Some(parts.slice()), ..whole }, ["parts", "state"]),
        (
            MergeOperands { class_weights: Some(targets.slice()), ..whole },
            ["class_weights", "none"],
        ),
        (MergeOperands { row_weights: Some(targets.slice()), ..whole }, ["row_weights", "none"]),
        (
            MergeOperands { rows: Some(totals.slice_from(16)), ..whole },
            ["rows", "at least 20 bytes"],
        ),
    ] {
        let message = message(merge.bind(&operands));
        assert!(words.iter().all(|word| message.contains(word)), "{words:?}: {message}");
    }
    let part = plan(&usual, range, forward).expect("a plan");
    let logits = engine.output(4, 50);
    let operands = CrossEntropyOperands {
        state: Some(state.slice()),
        ..CrossEntropyOperands::new(logits.slice(), targets.slice())
    };
    part.bind(&operands).expect("nothing is wrong");
    let message_of = |operands| message(part.bind(&operands));
    let missing = message_of(CrossEntropyOperands { state: None, ..operands });
    assert!(missing.contains("state") && missing.contains("none"), "{missing}");
    let short = message_of(CrossEntropyOperands { state: Some(state.slice_from(32)), ..operands });
    assert!(short.contains("state") && short.contains("at least 160 bytes"), "{short}");
    let rows = message_of(CrossEntropyOperands { rows: Some(totals.slice()), ..operands });
    assert!(rows.contains("rows"), "{rows}");
}
