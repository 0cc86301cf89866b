//! Packed rows of few classes, staged in workgroup memory.

use wgpu_loss::kernel::{Access, Family, Geometry, Team};
use wgpu_loss::plan::{Entry, Tuning};
use wgpu_loss::{CrossEntropy, Element, Gpu, GradientPlace, LogSumExp, Shape};
use wgpu_loss_verify::Operation;

use crate::calls::{check, cross_entropy, engines, engines_in_turn, options};
use crate::device::gpu;
use crate::engine::Embedded;
use crate::halves::computed;
use crate::options::changes;

/// Tables that begin with an entry of this family, for few rows a workgroup.
fn tuned(family: Family, rows: u32, vectors: u32) -> Gpu {
    let gpu = gpu();
    let geometry = Geometry { lanes: 1, rows, vectors };
    let up_to_classes = geometry.held();
    let entry = Entry { up_to_classes, family, team: Team::Lane, geometry };
    let mut tuning = Tuning::built_in(gpu.kernels().capabilities().class);
    tuning.entries.insert(0, entry);
    if family == Family::Tile {
        tuning.from_state.insert(0, entry);
    }
    gpu.with_tuning(tuning).expect("a valid tuning")
}

/// Without gaps, on whole words: the rows that are staged.
fn is_staged(gpu: &Gpu, shape: Shape) -> bool {
    let plan = CrossEntropy::default()
        .plan(
            gpu.kernels(),
            shape,
            &Default::default(),
            wgpu_loss::Pass::Forward { save_state: false },
        )
        .expect("a valid plan");
    let tile = format!(" {:?} ", Access::Tile);
    plan.debug_view().to_string().contains(&tile)
}

#[test]
fn every_number_of_rows_and_classes() {
    for (number, (rows, vectors)) in [(6, 1), (64, 3), (10, 8)].into_iter().enumerate() {
        let gpu = tuned(Family::Tile, rows, vectors);
        let (rows, held) = (rows as usize, 4 * vectors as usize);
        for (turn, element) in Element::ALL.into_iter().enumerate() {
            // Fused or in two steps, in place or not, by turns: each is a few kernels to compile.
            let at = [number + turn, number + turn + 1];
            for classes in [1, 3, held - 1, held] {
                for count in [1, rows, 3 * rows + 5] {
                    let shape = Shape::new(count, classes).with_element(element);
                    assert!(is_staged(&gpu, shape), "{shape:?}");
                    let case = cross_entropy(shape);
                    let mut log_sum_exp = case.clone();
                    log_sum_exp.operation = Operation::LogSumExp(LogSumExp::default());
                    for engine in engines_in_turn(&gpu, at) {
                        check(&case, &engine);
                        check(&log_sum_exp, &engine);
                    }
                }
            }
        }
    }
}

/// Words that hold a half of somebody else's at the very end, gradients of another type, rows apart
/// and starts within words, where rows are not staged.
#[test]
fn gradients_of_every_type_at_every_offset() {
    let gpu = tuned(Family::Tile, 10, 2);
    for element in Element::ALL {
        for gradient_element in Element::ALL.map(Some) {
            for (rows, classes, gap) in [(31, 7, 0), (30, 8, 0), (23, 5, 1)] {
                let shape = Shape::new(rows, classes).with_row_stride(classes + gap);
                let shape = shape.with_element(element);
                assert_eq!(is_staged(&gpu, shape), gap == 0, "{shape:?}");
                let mut case = cross_entropy(shape);
                options(&mut case).gradient_element = gradient_element;
                for offset in 0..3 {
                    let engine = Embedded::new(&gpu)
                        .with_place(GradientPlace::Separate)
                        .with_offsets([offset, 2 - offset, offset]);
                    check(&case, &engine);
                    check(&case, &engine.in_two_steps());
                }
            }
        }
    }
}

#[test]
fn every_option() {
    let gpu = tuned(Family::Tile, 8, 3);
    for (turn, (what, change)) in changes().into_iter().enumerate() {
        let shape = Shape::new(19, [10, 7, 12][turn % 3]);
        let mut case = cross_entropy(shape.with_element(Element::ALL[turn / 2 % 3]));
        change(&mut case);
        println!("{what}"); // shown where it fails
        let engines = engines(&gpu);
        check(&case, &engines[turn % engines.len()]);
    }
}

/// Staged or not, a row has the same bits.
#[test]
fn the_same_bits_as_without() {
    let staged = tuned(Family::Tile, 6, 4);
    let held = tuned(Family::Team, 8, 4);
    for element in Element::ALL {
        for classes in [4, 7, 16] {
            let shape = Shape::new(29, classes).with_element(element);
            assert!(is_staged(&staged, shape) && !is_staged(&held, shape));
            let case = cross_entropy(shape);
            let expected = computed(&Embedded::new(&held), &case);
            for offsets in [[0, 0, 0], [2, 4, 0], [1, 3, 5]] {
                let engine = Embedded::new(&staged).with_offsets(offsets);
                assert!(computed(&engine, &case) == expected, "{}: {case}", shape.classes);
            }
        }
    }
}
