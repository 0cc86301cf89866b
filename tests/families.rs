//! Every family on every team module, around its own boundaries, against the oracle: fused, and
//! forward then backward, with aligned rows and with rows that start between vectors. Needs an
//! adapter.

use std::collections::HashSet;

use wgpu_loss::kernel::{Family, Geometry, Team};
use wgpu_loss::plan::{AdapterClass, Capabilities, Entry, Tuning, choose, every_variant};
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::verify::{Case, Extent, Operation, cases, verify};
use wgpu_loss::verify::{Content, check_cross_entropy, check_log_sum_exp};
use wgpu_loss::{CrossEntropy, Engine, Gpu, Kernels, Logits, Reduction, RowOutputs, Upstream};

/// The adapter to test on; there is no skipping.
fn gpu() -> Gpu {
    Gpu::new().expect("these tests need an adapter: `cargo xtask test` installs one")
}

/// Deterministic numbers between -8 and 8, some rows of which have a clear winner.
fn logits(extent: usize, seed: u32) -> Vec<f32> {
    (0..extent as u32)
        .map(|i| {
            let mixed = (i ^ seed).wrapping_mul(0x9e37_79b9);
            let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
            (mixed >> 8) as f32 / (1 << 20) as f32 - 8.0
        })
        .collect()
}

/// One shape through every operation and both ways to a gradient.
fn check_shape(gpu: &Gpu, rows: usize, classes: usize, stride: usize, what: &str) {
    let mut values = logits((rows - 1) * stride + classes, (classes * 31 + stride) as u32);
    // The last class leads in row 0: the tail of the row has to be seen.
    values[classes - 1] = 30.0;
    // One row whose target is masked, one that is all -inf, one with NaN in its last column.
    let special = rows >= 5;
    if special {
        values[2 * stride + (2 * 7) % classes] = f32::NEG_INFINITY;
        values[3 * stride..3 * stride + classes].fill(f32::NEG_INFINITY);
        values[4 * stride + classes - 1] = f32::NAN;
    }
    let targets: Vec<i32> = (0..rows)
        .map(|row| match row {
            0 => classes as i32 - 1,
            _ if row % 6 == 5 => -100,
            _ => ((row * 7) % classes) as i32,
        })
        .collect();
    let logits = Logits::with_row_stride(&values, rows, classes, stride).unwrap();
    let factors: Vec<f32> = (0..rows).map(|row| row as f32 * 0.25 - 1.3).collect();
    let all = RowOutputs { loss: true, log_sum_exp: true, argmax: true };
    let fused = [None, Some(Upstream::Scalar(-0.37)), Some(Upstream::PerRow(&factors))];
    let engines: [(&dyn Engine, &[_]); 2] = [(gpu, &fused), (&TwoStep(gpu), &fused[1..2])];
    for (engine, upstreams) in engines {
        let context = || format!("{what}: {} {rows} x {classes} (stride {stride})", engine.name());
        for &upstream in upstreams {
            let result = check_log_sum_exp(engine, logits, upstream);
            assert!(result.passed(), "{} log-sum-exp: {:?}", context(), result.failure);
            let reduction = match upstream {
                Some(Upstream::PerRow(_)) => Reduction::None,
                Some(Upstream::Scalar(_)) => Reduction::Mean,
                None => Reduction::Sum,
            };
            let options = CrossEntropy { reduction, rows: all, ..Default::default() };
            let result = check_cross_entropy(engine, logits, &targets, upstream, &options);
            assert!(result.passed(), "{} {reduction:?}: {:?}", context(), result.failure);
        }
    }
}

/// Every entry of every built-in tuning that this device can run, and some geometries that no
/// table has yet, so that a table may change without a surprise.
fn entries(capabilities: &Capabilities) -> Vec<Entry> {
    let mut entries = Vec::new();
    for class in [AdapterClass::Software, AdapterClass::Discrete] {
        entries.extend(Tuning::built_in(class).entries);
    }
    let largest = capabilities.subgroups.map_or(1, |sizes| sizes.largest);
    for (family, team, lanes, rows, vectors) in [
        (Family::Team, Team::Lane, 1, 8, 8),
        (Family::Team, Team::Subgroup, 4, largest, 3),
        (Family::Team, Team::Workgroup, 16, 3, 5),
        (Family::Resident, Team::Workgroup, 64, 1, 1),
        (Family::Resident, Team::Subgroups { smallest: 1 }, 4 * largest, 1, 3),
        (Family::Streamed, Team::Lane, 1, 16, 2),
        (Family::Streamed, Team::Subgroup, 8, largest, 1),
        (Family::Streamed, Team::Subgroups { smallest: 1 }, 2 * largest, 1, 2),
        (Family::Streamed, Team::Workgroup, 4, 5, 3),
    ] {
        let geometry = Geometry { lanes, rows, vectors };
        let up_to_classes = if family == Family::Streamed { u64::MAX } else { geometry.held() };
        entries.push(Entry { up_to_classes, family, team, geometry });
    }
    let mut seen = HashSet::new();
    entries.retain(|entry| seen.insert(*entry));
    entries
}

#[test]
fn every_geometry_around_its_boundaries() {
    let gpu = gpu();
    let capabilities = *gpu.kernels().capabilities();
    let mut run = HashSet::new();
    for entry in entries(&capabilities) {
        let tuning = Tuning { entries: vec![entry], ..Tuning::built_in(capabilities.class) };
        let held = entry.geometry.held() as usize;
        let Ok(choice) = choose(&capabilities, &tuning, 1, false) else { continue };
        run.insert((choice.family, std::mem::discriminant(&choice.team)));
        let gpu = gpu.with_tuning(tuning).unwrap();
        let lanes = entry.geometry.lanes as usize;
        let mut classes =
            vec![1, 2, 3, 4, 5, 4 * lanes - 1, 4 * lanes, 4 * lanes + 1, held - 1, held];
        if entry.family == Family::Streamed {
            classes.extend([held + 1, 2 * held - 4, 2 * held, 2 * held + 3, 3 * held + 4]);
        }
        classes.retain(|&classes| classes > 0 && classes as u64 <= entry.up_to_classes);
        classes.sort_unstable();
        classes.dedup();
        let rows = entry.geometry.rows as usize;
        for classes in classes {
            // More than one workgroup, the last of them not full.
            let rows = (2 * rows + 1).max(7);
            check_shape(&gpu, rows, classes, classes, &format!("{entry:?}"));
            check_shape(&gpu, 6, classes, classes.next_multiple_of(4) + 4, &format!("{entry:?}"));
            check_shape(&gpu, 1, classes, classes + 3, &format!("{entry:?}"));
        }
    }
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

/// The quick list of `verify`, on the GPU as it is.
#[test]
fn verification_passes() {
    let gpu = gpu();
    for engine in [&gpu as &dyn Engine, &TwoStep(&gpu)] {
        let report = verify(engine, Extent::Quick, &mut |_, _| {}).unwrap();
        assert!(report.passed(), "{}: {:#?}", engine.name(), report.failures);
        assert!(report.worst_relative_error > 0.0, "nothing was compared");
    }
    // The list that naga checks is the list that plans are made of.
    let listed: HashSet<_> =
        every_variant(gpu.kernels().capabilities(), gpu.kernels().tuning()).into_iter().collect();
    let compiled = gpu.kernels().compiled();
    assert!(compiled.len() > 20);
    for variant in compiled {
        assert!(listed.contains(&variant), "{variant} is not listed");
    }
}

/// The special values of `verify` on every adapter class's tuning, with subgroups and without: each
/// corner case meets each family and team.
#[test]
fn special_values_on_every_tuning() {
    let gpu = gpu();
    let device = *gpu.kernels().capabilities();
    let special = |case: &Case| {
        let small = case.shape.rows * case.shape.row_stride <= 1 << 16;
        let plain = case.content == Content::Normal
            && !matches!(case.operation, Operation::CrossEntropy { .. });
        small && !plain
    };
    let cases: Vec<_> = cases(Extent::Quick).into_iter().filter(special).collect();
    assert!(cases.len() > 100, "only {} cases", cases.len());
    for class in [AdapterClass::Software, AdapterClass::Discrete] {
        for subgroups in [device.subgroups, None] {
            let capabilities = Capabilities { subgroups, ..device };
            let kernels =
                Kernels::with(gpu.device(), capabilities, Tuning::built_in(class)).unwrap();
            let gpu = gpu.with_kernels(kernels);
            for case in &cases {
                for engine in [&gpu as &dyn Engine, &TwoStep(&gpu)] {
                    let result = case.check(engine);
                    let failure = result.failure;
                    assert!(failure.is_none(), "{class:?} {subgroups:?} {case}: {failure:?}");
                }
            }
        }
    }
}

/// Rows of millions of classes: drivers that bound loops in silence would end these early.
#[test]
fn very_long_rows() {
    let gpu = gpu();
    for classes in [(1 << 18) + 1, 3_000_000, 6_000_001, 1 << 23] {
        check_shape(&gpu, 1, classes, classes, "a long row");
    }
}
