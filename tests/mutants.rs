//! Mutants of the kernels, each without one numeric safeguard, and whether `verify` sees them. Needs an
//! adapter; there are no mutants in release builds.
#![cfg(debug_assertions)]

#[path = "common/device.rs"]
mod device;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use device::mutants::{Mutant, On, all};
use device::new_gpu;
use wgpu_loss::kernel::link::link;
use wgpu_loss::kernel::{Family, Geometry, Mutation, Team, Variant};
use wgpu_loss::plan::{AdapterClass, Capabilities, Entry, Tuning};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::{Engine, Error, Gpu};
use wgpu_loss_verify::{Case, CaseResult, Extent, cases};

/// Names the mutants that the tests look at, between commas; all without it.
const NAMES: &str = "WGPU_LOSS_MUTANTS";

/// Set where it is enough that a mutant is seen, by however many cases.
const FIRST: &str = "WGPU_LOSS_MUTANTS_FIRST";

/// Those that [`NAMES`] names, or all.
fn named() -> Vec<&'static Mutant> {
    let names = std::env::var(NAMES).ok();
    let is_named = |mutant: &&Mutant| {
        names.as_ref().is_none_or(|names| names.split(',').any(|name| name == mutant.name))
    };
    all().filter(is_named).collect()
}

/// The text that changes nothing.
const NOTHING: Mutation = Mutation { file: "", original: "", replacement: "" };

fn mutation(mutant: &Mutant) -> Mutation {
    let Mutant { file, original, replacement, .. } = *mutant;
    Mutation { file, original, replacement }
}

/// A shader that was edited must not leave a mutant without effect.
#[test]
fn every_mutant_changes_one_text() {
    let shaders = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    for Mutant { name, file, original, replacement, .. } in all() {
        let path = shaders.join(file);
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{name}: {}: {error}", path.display()));
        let times = text.matches(original).count();
        assert_eq!(times, 1, "{name}: {file} must hold {original:?} once");
        assert_ne!(original, replacement, "{name}");
    }
}

#[test]
fn mutants_have_names_of_their_own() {
    let names: HashSet<_> = all().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), all().count());
    assert!(names.len() >= 100, "{} mutants", names.len());
}

/// The device, tuned so that its kernels are those a mutant is looked for in.
fn tuned(gpu: &Gpu, on: On) -> Gpu {
    let capabilities = *gpu.kernels().capabilities();
    match on {
        On::Device | On::TwoStep => gpu.clone(),
        On::Discrete => gpu.with_tuning(Tuning::built_in(AdapterClass::Discrete)).unwrap(),
        On::WithoutSubgroups => {
            let capabilities = Capabilities { subgroups: None, ..capabilities };
            let kernels = gpu.kernels().with_capabilities(capabilities).unwrap();
            tuned(&gpu.with_kernels(kernels), On::Discrete)
        }
        On::Parts => {
            let geometry = Geometry { lanes: 1, rows: 8, vectors: 1 };
            let (up_to_classes, team) = (u64::MAX, Team::Lane);
            let entry = |family| Entry { up_to_classes, family, team, geometry };
            let tuning = Tuning {
                entries: vec![entry(Family::Split), entry(Family::Streamed)],
                from_state: vec![entry(Family::Split), entry(Family::FromState)],
                part_classes: 8,
                ..Tuning::built_in(capabilities.class)
            };
            gpu.with_tuning(tuning).unwrap()
        }
    }
}

/// A case on the kernels of a device.
fn check(gpu: &Gpu, on: On, case: &Case) -> CaseResult {
    let result = match on {
        On::TwoStep => case.check(&TwoStep(gpu)),
        _ => case.check(gpu as &dyn Engine),
    };
    if let Some(Error::Device { operation: "compiling a kernel", message }) = &result.error {
        panic!("no kernel: {message}");
    }
    result
}

/// The cases of the quick list of `verify` that a mutant's hint names, the smallest first.
fn hinted<'a>(cases: &'a [Case], hint: &[&str]) -> Vec<&'a Case> {
    let is_named = |case: &&Case| {
        let text = case.to_string();
        case.fault.is_none() && hint.iter().all(|word| text.contains(word))
    };
    let mut cases: Vec<_> = cases.iter().filter(is_named).collect();
    cases.sort_by_key(|case| case.shape.rows * case.shape.row_stride);
    cases
}

/// Whether a kernel holds a file.
fn holds(variant: &Variant, file: &str) -> bool {
    let text = link(variant);
    [format!("// ---- {file}\n"), format!("// ---- {file} for ")].iter().any(|it| text.contains(it))
}

/// The cheap mutants, or those named: a case that the hint names fails. `cargo xtask mutants` looks at
/// all mutants and all cases.
#[test]
fn hinted_mutants_are_seen() {
    let is_looked_at = |mutant: &&Mutant| match std::env::var_os(NAMES) {
        Some(_) => !mutant.hint.is_empty(),
        None => mutant.is_cheap,
    };
    let mutants: Vec<_> = named().into_iter().filter(is_looked_at).collect();
    let (gpu, quick) = (new_gpu(), cases(Extent::Quick));
    let mut survivors = Vec::new();
    for mutant in mutants {
        let start = Instant::now();
        let mutated = gpu.with_kernels(gpu.kernels().with_mutation(mutation(mutant)));
        let mutated = tuned(&mutated, mutant.on);
        let cases = hinted(&quick, mutant.hint);
        let found = cases.iter().position(|case| !check(&mutated, mutant.on, case).passed());
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:6.2} s  {}: {found:?} of {} cases", mutant.name, cases.len());
        if found.is_none() {
            survivors.push(mutant.name);
        }
    }
    assert!(survivors.is_empty(), "not seen: {survivors:#?}");
}

/// One pass over the quick list: the cases, the smallest first, and which kernels each runs.
struct Pass {
    gpu: Gpu,
    on: On,
    cases: Vec<(Case, Vec<Variant>)>,
}

impl Pass {
    fn new(gpu: &Gpu, on: On) -> Self {
        let run = |case: Case| {
            let kernels = gpu.kernels().with_mutation(NOTHING);
            let of_case = tuned(&gpu.with_kernels(kernels), on);
            let result = check(&of_case, on, &case);
            assert!(result.passed(), "{on:?} {case}: {:?}", result.failure);
            (case, of_case.kernels().compiled())
        };
        let mut cases = cases(Extent::Quick);
        cases.retain(|case| case.fault.is_none());
        cases.sort_by_key(|case| case.shape.rows * case.shape.row_stride);
        Self { gpu: gpu.clone(), on, cases: cases.into_iter().map(run).collect() }
    }

    /// How many cases fail, and of how many that run a changed kernel, with the smallest that fails.
    /// With `FIRST`, that one alone is looked for.
    fn count(&self, mutant: &Mutant) -> (usize, usize, Option<String>) {
        let kernels = self.gpu.kernels().with_mutation(mutation(mutant));
        let mutated = tuned(&self.gpu.with_kernels(kernels), self.on);
        let is_changed = |variants: &[Variant]| variants.iter().any(|it| holds(it, mutant.file));
        let changed: Vec<_> = self.cases.iter().filter(|it| is_changed(&it.1)).collect();
        let at_most = if std::env::var_os(FIRST).is_some() { 1 } else { usize::MAX };
        let fails = |(case, _): &&&(Case, _)| !check(&mutated, self.on, case).passed();
        let failed: Vec<_> = changed.iter().filter(fails).take(at_most).collect();
        (failed.len(), changed.len(), failed.first().map(|(case, _)| case.to_string()))
    }
}

/// How many cases of the whole quick list see each mutant: `cargo xtask mutants` prints it as a table.
#[test]
#[ignore = "minutes: for `cargo xtask mutants`"]
fn account_of_mutants() {
    let gpu = new_gpu();
    let mut passes: Vec<Pass> = Vec::new();
    for mutant in named() {
        // As `verify` takes the device; if nothing is seen there, where its kernels are.
        let mut looked = vec![On::Device];
        looked.extend((mutant.on != On::Device).then_some(mutant.on));
        looked.extend(On::ALL.into_iter().filter(|it| *it != On::Device && *it != mutant.on));
        for on in looked {
            if !passes.iter().any(|pass| pass.on == on) {
                passes.push(Pass::new(&gpu, on));
            }
            let pass = passes.iter().find(|pass| pass.on == on).expect("it was made");
            let (failed, changed, case) = pass.count(mutant);
            let case = case.unwrap_or_default();
            println!(
                "mutant\t{}\t{on:?}\t{failed}\t{changed}\t{}\t{case}",
                mutant.name,
                pass.cases.len()
            );
            if failed > 0 {
                break;
            }
        }
    }
}
