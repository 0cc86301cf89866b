//! Every family on every team module, around its own boundaries, against the oracle: fused, and
//! forward then backward, with aligned rows and with rows that start between vectors. Needs an
//! adapter.

#[path = "common/device.rs"]
mod device;
#[path = "common/turns.rs"]
mod turns;

use std::collections::HashSet;

use device::new_gpu;
use turns::everything_runs;
use wgpu_loss::kernel::loss::{LossKind, LossTerm};
use wgpu_loss::kernel::reduce::{
    Along, MergeRange, ReduceOutputKind, ReduceVariant, ReducedValues, WeightsKind,
};
use wgpu_loss::kernel::softmax_loss::AgainstKind;
use wgpu_loss::kernel::{
    Access, Family, Geometry, Record, RowVariant, StateKind, Team, TotalsKernel, UpstreamKind,
    Variant, Word,
};
use wgpu_loss::plan::{AdapterClass, Capabilities, Entry, Purpose, Tuning, choose, every_variant};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::{
    CrossEntropy, Element, Engine, Gpu, LogSumExp, Logits, OwnedValues, Reduction, RowOutputs,
    Shape, Softmax, Targets, Upstream,
};
use wgpu_loss_verify::{Case, Extent, cases, verify};
use wgpu_loss_verify::{Content, check_cross_entropy, check_log_sum_exp, check_softmax};

/// Deterministic numbers between -8 and 8, some rows of which have a clear winner.
fn values(extent: usize, seed: u32) -> Vec<f32> {
    (0..extent as u32)
        .map(|i| {
            let mixed = (i ^ seed).wrapping_mul(0x9e37_79b9);
            let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
            (mixed >> 8) as f32 / (1 << 20) as f32 - 8.0
        })
        .collect()
}

/// Everything that cross-entropy can say of a row.
const ALL: RowOutputs = RowOutputs::ALL;

/// What a kernel knows of a row without sums beside its softmax.
const REDUCED: RowOutputs = RowOutputs { entropy: false, z_loss: false, ..ALL };

/// A row's classes, wherever they lie.
fn class_of(shape: Shape, row: usize, class: usize) -> usize {
    shape.start_of(row) + class * shape.inner
}

/// A batch of a shape, with a few special rows where it has enough.
struct Batch {
    shape: Shape,
    values: OwnedValues,
    targets: Vec<i32>,
    factors: Vec<f32>,
    class_weights: Vec<f32>,
}

impl Batch {
    fn new(shape: Shape) -> Self {
        let Shape { rows, classes, row_stride, .. } = shape;
        let extent = shape.extent().expect("a small shape");
        let mut values = values(extent, (classes * 31 + row_stride) as u32);
        // The last class leads in row 0: the tail of the row has to be seen.
        values[class_of(shape, 0, classes - 1)] = 30.0;
        // One row whose target is masked, one that is all -inf, one with NaN in its last column.
        if rows >= 5 {
            values[class_of(shape, 2, (2 * 7) % classes)] = f32::NEG_INFINITY;
            for class in 0..classes {
                values[class_of(shape, 3, class)] = f32::NEG_INFINITY;
            }
            values[class_of(shape, 4, classes - 1)] = f32::NAN;
        }
        let target = |row| match row {
            0 => classes as i32 - 1,
            _ if row % 6 == 5 => -100,
            _ => ((row * 7) % classes) as i32,
        };
        Self {
            shape,
            values: OwnedValues::from_f32(values, shape.element),
            targets: (0..rows).map(target).collect(),
            factors: (0..rows).map(|row| row as f32 * 0.25 - 1.3).collect(),
            class_weights: (0..classes).map(|class| 0.5 + (class % 3) as f32).collect(),
        }
    }

    fn logits(&self) -> Logits<'_> {
        Logits::from_values(self.values.values(), self.shape).unwrap()
    }

    /// Log-sum-exp and cross-entropy of an engine with each of these upstream gradients.
    fn check_on(&self, engine: &dyn Engine, upstreams: &[Option<Upstream<'_>>], what: &str) {
        for &upstream in upstreams {
            self.check_log_sum_exp(engine, upstream, what);
            self.check_cross_entropy(engine, upstream, what);
        }
    }

    fn check_log_sum_exp(&self, engine: &dyn Engine, upstream: Option<Upstream<'_>>, what: &str) {
        let result = check_log_sum_exp(engine, self.logits(), upstream, &LogSumExp::default());
        let name = engine.name();
        assert!(
            result.passed(),
            "{what}: {name} {:?} log-sum-exp: {:?}",
            self.shape,
            result.failure
        );
    }

    fn check_cross_entropy(&self, engine: &dyn Engine, upstream: Option<Upstream<'_>>, what: &str) {
        let (logits, targets) = (self.logits(), Targets::classes(&self.targets));
        let reduction = match upstream {
            Some(Upstream::PerRow(_)) => Reduction::None,
            Some(Upstream::Scalar(_)) => Reduction::Mean,
            None => Reduction::Sum,
        };
        let options = CrossEntropy { reduction, rows: REDUCED, ..Default::default() };
        let result = check_cross_entropy(engine, logits, targets, upstream, &options);
        let name = engine.name();
        assert!(
            result.passed(),
            "{what}: {name} {:?} {reduction:?}: {:?}",
            self.shape,
            result.failure
        );
    }

    /// Log-sum-exp and cross-entropy, both ways to a gradient.
    fn check_reductions(&self, gpu: &Gpu, per_row: bool, what: &str) {
        let scalar = Some(Upstream::Scalar(-0.37));
        let fused = [None, scalar, Some(Upstream::PerRow(&self.factors))];
        self.check_on(gpu, &fused[..if per_row { 3 } else { 2 }], what);
        self.check_on(&TwoStep(gpu), &[scalar], what);
    }

    /// Whatever the lanes of a row add up beside its softmax, or write for every class.
    fn check_sums(&self, gpu: &Gpu, what: &str) {
        let logits = self.logits();
        let targets = Targets::classes(&self.targets).with_class_weights(&self.class_weights);
        let upstream = Some(Upstream::Scalar(-0.37));
        let options = CrossEntropy {
            label_smoothing: 0.1,
            z_loss: 0.01,
            rows: ALL,
            correct: true,
            ..Default::default()
        };
        for engine in [gpu as &dyn Engine, &TwoStep(gpu)] {
            let result = check_cross_entropy(engine, logits, targets, upstream, &options);
            let name = engine.name();
            assert!(result.passed(), "{what}: {name} {:?}: {:?}", self.shape, result.failure);
        }
        let options = Softmax { log: self.shape.classes % 2 == 1, element: None };
        // A finite number for each logit, without gaps.
        let factors = values(self.shape.rows * self.shape.classes, 77);
        let factors = Logits::from_values((&factors[..]).into(), self.shape.contiguous()).unwrap();
        for upstream in [None, Some(factors)] {
            let result = check_softmax(gpu, logits, upstream, &options);
            let backward = upstream.is_some();
            assert!(
                result.passed(),
                "{what}: {options:?}, backward {backward}, {:?}: {:?}",
                self.shape,
                result.failure
            );
        }
    }
}

/// One shape through the operations. Beside cross-entropy and its gradient they take turns from
/// geometry to geometry, since each is a handful of kernels to compile: an upstream gradient for each
/// row and none, a backward of its own, and what lanes add up beside the softmax; each with
/// log-sum-exp.
fn check_shape(gpu: &Gpu, shape: Shape, turn: usize, what: &str) {
    let batch = Batch::new(shape);
    if everything_runs() {
        batch.check_reductions(gpu, true, what);
        batch.check_sums(gpu, what);
        return;
    }
    let scalar = Some(Upstream::Scalar(-0.37));
    batch.check_cross_entropy(gpu, scalar, what);
    match turn % 3 {
        0 => batch.check_on(gpu, &[None, Some(Upstream::PerRow(&batch.factors))], what),
        1 => batch.check_on(&TwoStep(gpu), &[scalar], what),
        _ => {
            batch.check_log_sum_exp(gpu, scalar, what);
            batch.check_sums(gpu, what);
        }
    }
}

/// The same of another element type or stride, where cross-entropy and its gradient speak for the
/// rest.
fn check_loss(gpu: &Gpu, shape: Shape, turn: usize, what: &str) {
    if everything_runs() {
        return check_shape(gpu, shape, turn, what);
    }
    Batch::new(shape).check_cross_entropy(gpu, Some(Upstream::Scalar(-0.37)), what);
}

/// Every entry of every built-in tuning that this device can run.
fn tuned_entries() -> Vec<Entry> {
    let classes = [AdapterClass::Software, AdapterClass::Discrete].into_iter();
    let mut entries: Vec<_> = classes.flat_map(|class| Tuning::built_in(class).entries).collect();
    let mut seen = HashSet::new();
    entries.retain(|entry| seen.insert(*entry));
    entries
}

/// Some geometries that no table has yet, so that a table may change without a surprise: every
/// family on every team.
fn other_entries(capabilities: &Capabilities) -> Vec<Entry> {
    let largest = capabilities.subgroups.map_or(1, |sizes| sizes.largest);
    let geometries = [
        (Family::Team, Team::Lane, 1, 8, 8),
        (Family::Team, Team::Subgroup, 4, largest, 3),
        (Family::Team, Team::Workgroup, 16, 3, 5),
        (Family::Resident, Team::Workgroup, 64, 1, 1),
        (Family::Resident, Team::Subgroups { smallest: 1 }, 4 * largest, 1, 3),
        (Family::Streamed, Team::Lane, 1, 16, 2),
        (Family::Streamed, Team::Subgroup, 8, largest, 1),
        (Family::Streamed, Team::Subgroups { smallest: 1 }, 2 * largest, 1, 2),
        (Family::Streamed, Team::Workgroup, 4, 5, 3),
    ];
    let entry = |(family, team, lanes, rows, vectors)| {
        let geometry = Geometry { lanes, rows, vectors };
        let up_to_classes = if family == Family::Streamed { u64::MAX } else { geometry.held() };
        Entry { up_to_classes, family, team, geometry }
    };
    geometries.into_iter().map(entry).collect()
}

/// Numbers of classes around what a lane's vector, a row's lanes and their vectors hold.
fn boundaries(entry: &Entry) -> Vec<usize> {
    let lanes = entry.geometry.lanes as usize;
    let held = entry.geometry.held() as usize;
    let mut classes = vec![1, 2, 3, 4, 5, 4 * lanes - 1, 4 * lanes, 4 * lanes + 1, held - 1, held];
    if entry.family == Family::Streamed {
        classes.extend([held + 1, 2 * held - 4, 2 * held, 2 * held + 3, 3 * held + 4]);
    }
    classes.retain(|&classes| classes > 0 && classes as u64 <= entry.up_to_classes);
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// Rows side by side, the classes of each apart: every geometry of every table for them.
#[test]
fn every_strided_geometry_around_its_boundaries() {
    let gpu = new_gpu();
    let capabilities = *gpu.kernels().capabilities();
    let entries = [AdapterClass::Software, AdapterClass::Discrete]
        .into_iter()
        .flat_map(|class| Tuning::built_in(class).strided);
    let mut run = HashSet::new();
    for (number, entry) in entries.enumerate() {
        let tuning = Tuning { strided: vec![entry], ..Tuning::built_in(capabilities.class) };
        let Ok(choice) = choose(&capabilities, &tuning, 1, true, Purpose::Reduce) else {
            continue;
        };
        if !run.insert((choice.family, choice.team, choice.geometry)) {
            continue;
        }
        let gpu = gpu.with_tuning(tuning).unwrap();
        let what = format!("{entry:?}");
        for (turn, classes) in boundaries(&entry).into_iter().enumerate() {
            // More rows than a workgroup has; by turns, blocks of fewer than it has.
            let side_by_side = entry.geometry.rows as usize + 3;
            check_shape(&gpu, Shape::with_class_axis(2, classes, side_by_side), number, &what);
            if turn % 2 == 0 {
                continue;
            }
            // Element types take turns from geometry to geometry; other operations have had theirs.
            let blocks = Shape::with_class_axis(3, classes, 5);
            let element = Element::ALL[number / 3 % 3];
            let apart = blocks.with_row_stride(5 * classes + 3).with_element(element);
            check_loss(&gpu, apart, number, &what);
        }
    }
    assert!(run.len() >= 6, "only {run:?}");
    assert!(run.iter().any(|(family, team, _)| (*family, *team) == (Family::Team, Team::Lane)));
    assert!(
        run.iter()
            .any(|(family, team, _)| { (*family, *team) == (Family::Streamed, Team::Workgroup) })
    );
}

type Run = HashSet<(Family, std::mem::Discriminant<Team>)>;

/// These geometries around their boundaries; gives what ran.
fn check_around_boundaries(gpu: &Gpu, entries: Vec<Entry>) -> Run {
    let capabilities = *gpu.kernels().capabilities();
    let mut run = HashSet::new();
    for (number, entry) in entries.into_iter().enumerate() {
        if entry.family == Family::Split {
            continue; // has a test of its own
        }
        let tuning = Tuning { entries: vec![entry], ..Tuning::built_in(capabilities.class) };
        let Ok(choice) = choose(&capabilities, &tuning, 1, false, Purpose::Reduce) else {
            continue;
        };
        run.insert((choice.family, std::mem::discriminant(&choice.team)));
        let gpu = gpu.with_tuning(tuning).unwrap();
        let rows = entry.geometry.rows as usize;
        let what = format!("{entry:?}");
        for (turn, classes) in boundaries(&entry).into_iter().enumerate() {
            // More than one workgroup, the last of them not full.
            check_shape(&gpu, Shape::new((2 * rows + 1).max(7), classes), number, &what);
            if turn % 2 == 0 {
                continue;
            }
            // Rows apart, and halves, take turns: each is a kernel more to compile.
            let other = match number / 3 % 3 {
                0 => Shape::new(6, classes).with_row_stride(classes.next_multiple_of(4) + 4),
                half => Shape::new(1, classes)
                    .with_row_stride(classes + 3)
                    .with_element([Element::F16, Element::Bf16][half - 1]),
            };
            check_loss(&gpu, other, number, &what);
        }
    }
    run
}

#[test]
fn every_tuned_geometry_around_its_boundaries() {
    let run = check_around_boundaries(&new_gpu(), tuned_entries());
    assert!(run.len() >= 4, "only {run:?}");
}

#[test]
fn other_geometries_around_their_boundaries() {
    let gpu = new_gpu();
    let capabilities = *gpu.kernels().capabilities();
    let run = check_around_boundaries(&gpu, other_entries(&capabilities));
    for needed in [
        (Family::Team, Team::Lane),
        (Family::Team, Team::Workgroup),
        (Family::Resident, Team::Workgroup),
        (Family::Streamed, Team::Workgroup),
    ] {
        assert!(run.contains(&(needed.0, std::mem::discriminant(&needed.1))), "{needed:?} ran");
    }
    if capabilities.subgroups.is_some() {
        for needed in [
            (Family::Team, Team::Subgroup),
            (Family::Resident, Team::Subgroups { smallest: 1 }),
            (Family::Streamed, Team::Subgroup),
            (Family::Streamed, Team::Subgroups { smallest: 1 }),
        ] {
            assert!(run.contains(&(needed.0, std::mem::discriminant(&needed.1))), "{needed:?} ran");
        }
    }
}

/// Rows that are cut into parts, which are short here: on every team, around a part's boundaries and
/// those of the groups in which the merge adds them up, with rows in one round and in several.
#[test]
fn rows_in_parts_around_their_boundaries() {
    let gpu = new_gpu();
    let capabilities = *gpu.kernels().capabilities();
    let largest = capabilities.subgroups.map_or(8, |sizes| sizes.largest);
    let mut run = HashSet::new();
    for (number, (team, lanes, rows, vectors, part)) in [
        (Team::Lane, 1, 8, 2, 12),
        (Team::Subgroup, 4, largest, 1, 64),
        (Team::Workgroup, 8, 3, 1, 100),
        (Team::Subgroups { smallest: 1 }, 2 * largest, 1, 1, 96),
    ]
    .into_iter()
    .enumerate()
    {
        let geometry = Geometry { lanes, rows, vectors };
        let entry = Entry { up_to_classes: u64::MAX, family: Family::Split, team, geometry };
        let whole = Entry { family: Family::Streamed, ..entry };
        let tuning = Tuning {
            entries: vec![entry, whole],
            from_state: vec![Entry { team: Team::Workgroup, ..entry }],
            part_classes: part,
            // One row, two rows, all rows.
            chunk_bytes: [1, 8 * part, u64::MAX][number % 3],
            ..Tuning::built_in(capabilities.class)
        };
        let Ok(choice) = choose(&capabilities, &tuning, 1, false, Purpose::Reduce) else {
            continue;
        };
        assert!(choice.split);
        run.insert(std::mem::discriminant(&choice.team));
        let gpu = gpu.with_tuning(tuning).unwrap();
        let what = format!("{entry:?} in parts of {part}");
        let part = part as usize;
        for (turn, classes) in
            [1, part - 1, part, part + 1, 3 * part - 4, 16 * part, 17 * part + 3].iter().enumerate()
        {
            let shape = match turn % 3 {
                0 => Shape::new(7, *classes),
                1 => Shape::new(6, *classes).with_row_stride(classes.next_multiple_of(4) + 4),
                _ => {
                    Shape::new(5, *classes).with_element([Element::F16, Element::Bf16][number % 2])
                }
            };
            // Sums beside the softmax on every team, since parts have to keep them.
            let batch = Batch::new(shape);
            batch.check_reductions(&gpu, turn == 0, &what);
            if everything_runs() || (turn + number) % 2 == 0 {
                batch.check_sums(&gpu, &what);
            }
        }
    }
    assert!(run.len() >= 2, "only {run:?}");
    assert!(capabilities.subgroups.is_none() || run.len() == 4, "only {run:?}");
}

/// Every option and special value of `verify` on rows that are cut into parts.
#[test]
fn options_and_special_values_of_rows_in_parts() {
    let gpu = new_gpu();
    let capabilities = *gpu.kernels().capabilities();
    let geometry = Geometry { lanes: 1, rows: 8, vectors: 1 };
    let (up_to_classes, team) = (u64::MAX, Team::Lane);
    let entry = |family| Entry { up_to_classes, family, team, geometry };
    let tuning = Tuning {
        entries: vec![entry(Family::Split), entry(Family::Streamed)],
        from_state: vec![entry(Family::Split), entry(Family::FromState)],
        part_classes: 8,
        ..Tuning::built_in(capabilities.class)
    };
    let choice = choose(&capabilities, &tuning, 9, false, Purpose::Reduce).unwrap();
    assert!(choice.split, "{choice:?}");
    let gpu = gpu.with_tuning(tuning).unwrap();
    let of_losses = |case: &Case| {
        case.shape.rows * case.shape.row_stride <= 1 << 16 && case.operation.reduction().is_none()
    };
    let cases: Vec<_> = cases(Extent::Quick).into_iter().filter(of_losses).collect();
    assert!(cases.len() > 60, "only {} cases", cases.len());
    for (turn, case) in cases.iter().enumerate() {
        let engines = [&gpu as &dyn Engine, &TwoStep(&gpu)];
        let failure = case.check(engines[turn % 2]).failure;
        assert!(failure.is_none(), "{} {case}: {failure:?}", engines[turn % 2].name());
    }
}

/// The quick list of `verify`, on the GPU as it is.
#[test]
fn verification_passes() {
    let gpu = new_gpu();
    for engine in [&gpu as &dyn Engine, &TwoStep(&gpu)] {
        let report = verify(engine, Extent::Quick, &mut |_, _| {}).unwrap();
        assert!(report.passed(), "{}: {:#?}", engine.name(), report.failures);
        assert!(report.worst_relative_error > 0.0, "nothing was compared");
    }
    // The list that naga checks is made like the plans are.
    let mut listed = every_variant(gpu.kernels().capabilities(), gpu.kernels().tuning());
    // As are those of other adapters, which naga checks as well: their draws have other pairs.
    for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
        listed.extend(every_variant(&Capabilities::web_gpu(class), &Tuning::built_in(class)));
    }
    let listed = Listed::new(&listed);
    let compiled = gpu.kernels().compiled();
    assert!(compiled.len() > 20);
    for variant in compiled {
        assert!(listed.covers(&variant), "{variant} is like nothing in the list");
    }
}

/// What a list of kernels is made of.
#[derive(Default)]
struct Listed {
    geometries: HashSet<(Family, Team, Geometry, Access)>,
    option_pairs: HashSet<(String, String)>,
    others: HashSet<Variant>,
}

/// Each option of a kernel over rows, by its name and what it is.
fn levels(variant: &RowVariant) -> Vec<String> {
    let RowVariant { operation, element, transform, comparison, gradient, record, .. } = variant;
    let mut levels = vec![
        format!("{operation:?}"),
        format!("family {:?}", variant.family),
        format!("access {:?}", variant.access),
        format!("element {element:?}"),
        format!("{transform:?}"),
        format!("target {:?}", comparison.target),
        format!("class weights {}", comparison.class_weights),
        format!("row weights {}", comparison.row_weights),
        format!("masked {}", comparison.masked),
        format!("z-loss {}", comparison.z_loss),
    ];
    // What a part keeps are options of their own, as the words of a record are.
    match variant.state {
        StateKind::Part { argmax, target_rank, entropy, ignored_rows } => levels.extend([
            "state Part".to_owned(),
            format!("part's argmax {argmax}"),
            format!("part's target rank {target_rank}"),
            format!("part's entropy {entropy}"),
            format!("part's ignored rows {ignored_rows}"),
        ]),
        state => levels.push(format!("state {state:?}")),
    }
    levels.push(match gradient {
        None => "no gradient".to_owned(),
        Some(gradient) => format!("place {:?}", gradient.place),
    });
    if let Some(gradient) = gradient {
        levels.push(format!("upstream {:?}", gradient.upstream));
        levels.push(format!("divides {}", gradient.divides));
    }
    levels.extend(Word::ALL.iter().map(|&word| format!("{word:?} {}", record.has(word))));
    levels
}

fn pairs(variant: &RowVariant) -> Vec<(String, String)> {
    let levels = levels(variant);
    let of_first = |(at, first): (usize, &String)| {
        levels[at + 1..].iter().map(|second| (first.clone(), second.clone())).collect::<Vec<_>>()
    };
    levels.iter().enumerate().flat_map(of_first).collect()
}

/// The records that losses are summed from differ in words that the sum does not look at.
fn without_other_words(variant: &Variant) -> Variant {
    let mut variant = *variant;
    match &mut variant {
        Variant::Totals(totals) => {
            if let TotalsKernel::SumTiles { record, .. } = &mut totals.kernel {
                *record = Record::NONE.with(Word::Correct, record.has(Word::Correct));
            }
        }
        Variant::Merge(merge) => merge.record = Record::NONE,
        Variant::Reduce(reduce) => of_turns(reduce),
        Variant::SoftmaxLoss(loss) => {
            // What these take turns with: every geometry is there with every loss.
            (loss.class_weights, loss.row_weights, loss.masked) = (false, false, false);
            (loss.element, loss.gradient) = (Element::F32, None);
            loss.against = match loss.against {
                AgainstKind::Probability(_) => AgainstKind::Probability(Element::F32),
                AgainstKind::Teacher(_) => AgainstKind::Teacher(Element::F32),
                class => class,
            };
        }
        Variant::Rows(_) => {}
    }
    variant
}

/// What reduction kernels of the list take turns with: every geometry is there with every statistic.
fn of_turns(variant: &mut ReduceVariant) {
    let plain = |values: ReducedValues| ReducedValues {
        element: Element::F32,
        weights: WeightsKind::None,
        masked: false,
        term: None,
        ..values
    };
    match variant {
        ReduceVariant::Runs(runs) => {
            runs.values = plain(runs.values);
            runs.geometry.vectors = 1; // fewer where there are weights
            (runs.access, runs.along) = (Access::Scalar, Along::Both);
            runs.output = ReduceOutputKind::Result;
        }
        ReduceVariant::Columns(columns) => {
            columns.values = plain(columns.values);
            columns.is_shallow = false;
            columns.output = ReduceOutputKind::Result;
        }
        ReduceVariant::Merge(merge) => {
            merge.masked = false;
            merge.range = MergeRange::Parts;
            merge.output = ReduceOutputKind::Result;
        }
        ReduceVariant::Gradients(gradients) => {
            (gradients.element, gradients.weights) = (Element::F32, WeightsKind::None);
            (gradients.masked, gradients.weight_gradient) = (false, false);
            (gradients.access, gradients.upstream) = (Access::Scalar, UpstreamKind::Scalar);
        }
        ReduceVariant::Losses(losses) => {
            (losses.element, losses.weights) = (Element::F32, WeightsKind::None);
            (losses.masked, losses.writes_losses) = (false, false);
            losses.access = Access::Scalar;
            // One form of one loss stands for all.
            losses.term = LossTerm {
                kind: LossKind::SquaredError,
                smoothed: false,
                target: None,
                third: WeightsKind::None,
                counts: false,
                gradient: None,
            };
        }
        ReduceVariant::ClearCounts | ReduceVariant::Sort { .. } => {}
    }
}

impl Listed {
    fn new(variants: &[Variant]) -> Self {
        let mut listed = Self::default();
        for variant in variants {
            if let Variant::Rows(rows) = variant {
                let RowVariant { family, team, geometry, access, .. } = *rows;
                listed.geometries.insert((family, team, geometry, access));
                listed.option_pairs.extend(pairs(rows));
            } else {
                listed.others.insert(without_other_words(variant));
            }
        }
        listed
    }

    /// Whether the geometry is listed, and each two of the options are together somewhere.
    fn covers(&self, variant: &Variant) -> bool {
        let Variant::Rows(rows) = variant else {
            return self.others.contains(&without_other_words(variant));
        };
        let RowVariant { family, team, geometry, access, .. } = *rows;
        let missing: Vec<_> =
            pairs(rows).into_iter().filter(|pair| !self.option_pairs.contains(pair)).collect();
        if !missing.is_empty() {
            println!("{variant}: no kernel of the list has {missing:?}");
        }
        missing.is_empty() && self.geometries.contains(&(family, team, geometry, access))
    }
}

/// The special values of `verify` on every adapter class's tuning, with subgroups and without: each
/// corner case meets each family and team.
#[test]
fn special_values_on_every_tuning() {
    let gpu = new_gpu();
    let device = *gpu.kernels().capabilities();
    let special = |case: &Case| {
        let small = case.shape.rows * case.shape.row_stride <= 1 << 16;
        let plain = case.content == Content::Normal && case.operation.cross_entropy().is_none();
        small && !plain
    };
    let cases: Vec<_> = cases(Extent::Quick).into_iter().filter(special).collect();
    assert!(cases.len() > 40, "only {} cases", cases.len());
    for class in [AdapterClass::Software, AdapterClass::Discrete] {
        for subgroups in [device.subgroups, None] {
            let capabilities = Capabilities { subgroups, ..device };
            let kernels = gpu.kernels().with_capabilities(capabilities).unwrap();
            let gpu = gpu.with_kernels(kernels).with_tuning(Tuning::built_in(class)).unwrap();
            for (turn, case) in cases.iter().enumerate() {
                // In one step or in two, by turns.
                let engines = [&gpu as &dyn Engine, &TwoStep(&gpu)];
                let failure = case.check(engines[turn % 2]).failure;
                assert!(failure.is_none(), "{class:?} {subgroups:?} {case}: {failure:?}");
            }
        }
    }
}

/// Rows of millions of classes: drivers that bound loops in silence would end these early.
#[test]
fn very_long_rows() {
    let gpu = new_gpu();
    for classes in [(1 << 18) + 1, 3_000_000, 6_000_001, 1 << 23] {
        Batch::new(Shape::new(1, classes)).check_reductions(&gpu, true, "a long row");
    }
    Batch::new(Shape::new(1, 3_000_000)).check_sums(&gpu, "a long row");
}
