//! The gradient of softmax by an upstream gradient whose classes differ by orders of magnitude, on
//! every family and team, along rows and across them, against the oracle. Needs an adapter.

#[path = "common/device.rs"]
mod device;

use std::collections::HashSet;
use std::mem::discriminant;

use device::new_gpu;
use wgpu_loss::kernel::{Family, Geometry, Team};
use wgpu_loss::plan::{Entry, Purpose, Tuning, choose};
use wgpu_loss::{Engine, Logits, Shape, Softmax, cpu};
use wgpu_loss_verify::check_softmax;

/// Every kernel that a row may be gone over by, with the numbers of classes that it is tried with.
fn entries(largest: u32) -> Vec<(Entry, Vec<usize>)> {
    [
        (Family::Tile, Team::Lane, 1, 8, 4, vec![2, 5, 16]),
        (Family::Team, Team::Lane, 1, 8, 8, vec![2, 7, 32]),
        (Family::Team, Team::Subgroup, 4, largest, 3, vec![3, 37, 48]),
        (Family::Team, Team::Workgroup, 16, 3, 5, vec![3, 261, 320]),
        (Family::Resident, Team::Workgroup, 64, 1, 4, vec![5, 1000, 1024]),
        (Family::Resident, Team::Subgroups { smallest: 1 }, 4 * largest, 1, 3, vec![5, 97]),
        (Family::Streamed, Team::Lane, 1, 8, 2, vec![9, 131, 1001]),
        (Family::Streamed, Team::Subgroup, 4, largest, 1, vec![17, 300, 1001]),
        (Family::Streamed, Team::Subgroups { smallest: 1 }, 2 * largest, 1, 2, vec![300, 5003]),
        (Family::Streamed, Team::Workgroup, 4, 5, 3, vec![50, 785, 5003]),
    ]
    .into_iter()
    .map(|(family, team, lanes, rows, vectors, classes)| {
        let geometry = Geometry { lanes, rows, vectors };
        let up_to_classes = if family == Family::Streamed { u64::MAX } else { geometry.held() };
        (Entry { up_to_classes, family, team, geometry }, classes)
    })
    .collect()
}

/// A number from -1 to 1 for each element.
fn noise(element: usize) -> f32 {
    let mixed = (element as u32 ^ 0x51).wrapping_mul(0x9e37_79b9);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
    (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// A row's logits and upstream gradients.
type RowOf = fn(class: usize, classes: usize, noise: f32) -> (f32, f32);

const ROWS: [RowOf; 8] = [
    // The first class: improbable, with an upstream gradient far beyond all others.
    |class, _, noise| if class == 0 { (-40.0, 1e4) } else { (noise, 1.0 + 0.1 * noise) },
    // The same of the last, and of the other sign.
    |class, classes, noise| {
        if class == classes - 1 { (-30.0, -1e6) } else { (noise, noise) }
    },
    // The most probable of very many, by a little.
    |class, classes, noise| {
        if class == classes / 2 { (0.2, 1e4) } else { (0.1 * noise, 1.0 - 0.1 * noise) }
    },
    // Smaller from class to class, and more probable.
    |class, classes, noise| {
        let turn = class as f32 / classes as f32;
        (30.0 * turn, (1e4_f32.powf(1.0 - turn)) * (1.0 + 0.5 * noise))
    },
    // Larger from class to class, and less probable.
    |class, classes, noise| {
        let turn = class as f32 / classes as f32;
        (-30.0 * turn, -(1e4_f32.powf(turn)) * (1.0 + 0.5 * noise))
    },
    // Every third masked: its upstream gradient is nobody's.
    |class, _, noise| {
        if class % 3 == 0 { (f32::NEG_INFINITY, 1e6 * noise) } else { (noise, 1.0) }
    },
    // All of one size.
    |_, _, noise| (noise, if noise < 0.0 { -3.0 } else { 3.0 }),
    // One for all classes: the gradient is 0.
    |_, _, noise| (4.0 * noise, -7123.457),
];

/// Where each of the batch's elements lies that are not between rows.
fn place(shape: Shape, row: usize, class: usize) -> usize {
    shape.start_of(row) + class * shape.inner
}

fn check(engine: &dyn Engine, shape: Shape, what: &str) {
    let extent = shape.extent().expect("a small shape");
    let (mut logits, mut upstream) = (vec![0.0; extent], vec![0.0; extent]);
    for row in 0..shape.rows {
        for class in 0..shape.classes {
            let place = place(shape, row, class);
            let of_row = ROWS[row % ROWS.len()];
            (logits[place], upstream[place]) = of_row(class, shape.classes, noise(place));
        }
    }
    let logits = Logits::from_values((&logits[..]).into(), shape).expect("the shape's elements");
    let upstream =
        Logits::from_values((&upstream[..]).into(), shape).expect("the shape's elements");
    let options = Softmax::default();
    let result = check_softmax(engine, logits, Some(upstream), &options);
    assert!(result.passed(), "{} {what}, {shape:?}: {:?}", engine.name(), result.failure);
    assert!(result.worst_relative_error > 0.0, "{what}, {shape:?}: nothing was compared");

    let gradient = engine.softmax_gradient(logits, upstream, &options).expect("as before");
    let gradient = gradient.into_f32();
    let result = shape.contiguous();
    for row in (ROWS.len() - 1..shape.rows).step_by(ROWS.len()) {
        for class in 0..shape.classes {
            let found = gradient[place(result, row, class)];
            assert_eq!(found, 0.0, "{what}, {shape:?}: row {row}, class {class}");
        }
    }
}

#[test]
fn large_upstream_gradients_do_not_hide_small_ones_on_any_kernel() {
    let gpu = new_gpu();
    let capabilities = *gpu.kernels().capabilities();
    let largest = capabilities.subgroups.map_or(8, |sizes| sizes.largest);
    let mut run = HashSet::new();
    for (entry, numbers) in entries(largest) {
        let built_in = Tuning::built_in(capabilities.class);
        let tuning = Tuning { entries: vec![entry], strided: vec![], ..built_in.clone() };
        let Ok(choice) = choose(&capabilities, &tuning, 1, false, Purpose::Reduce) else {
            continue;
        };
        run.insert((choice.family, discriminant(&choice.team)));
        let gpu = gpu.with_tuning(tuning).expect("a valid tuning");
        let what = format!("{entry:?}");
        for classes in numbers {
            // More than a workgroup has rows, of each kind in several places.
            check(&gpu, Shape::new(2 * ROWS.len() + 3, classes), &what);
            let gap = classes.next_multiple_of(4) + 4;
            check(&gpu, Shape::new(ROWS.len(), classes).with_row_stride(gap), &what);
        }
    }
    for needed in [
        (Family::Team, Team::Lane),
        (Family::Team, Team::Workgroup),
        (Family::Resident, Team::Workgroup),
        (Family::Streamed, Team::Lane),
        (Family::Streamed, Team::Workgroup),
    ] {
        assert!(run.contains(&(needed.0, discriminant(&needed.1))), "{needed:?} ran");
    }
    assert!(capabilities.subgroups.is_none() || run.len() >= 9, "only {run:?}");
}

#[test]
fn large_upstream_gradients_do_not_hide_small_ones_as_tuned() {
    let gpu = new_gpu();
    for engine in [&gpu as &dyn Engine, &cpu::Fast] {
        for classes in [2, 3, 10, 100, 1000, 4097, 50_257, 300_000] {
            let rows = if classes > 10_000 { ROWS.len() } else { 3 * ROWS.len() };
            check(engine, Shape::new(rows, classes), "as tuned");
        }
        // Rows side by side, the classes of each apart.
        for (outer, classes, inner) in [(3, 7, 8), (2, 261, 19), (1, 3000, 8)] {
            check(engine, Shape::with_class_axis(outer, classes, inner), "across");
        }
    }
}
