//! Halves, two of which lie in one word and may belong to different rows, or to nobody.

use wgpu_loss::{
    CrossEntropy, Element, Engine, GradientPlace, LogSumExp, OwnedValues, Reduction, Shape,
    Softmax, Upstream,
};
use wgpu_loss_verify::{Case, Factor, Operation};

use crate::calls::{check, cross_entropy, engines, engines_in_turn, options};
use crate::device::gpu;
use crate::engine::Embedded;
use crate::memory::bits;
use crate::problem::ALL;

const HALVES: [Element; 2] = [Element::F16, Element::Bf16];
/// Odd numbers, where every other row starts within a word, and even ones around them.
const CLASSES: [usize; 9] = [1, 2, 3, 5, 7, 12, 33, 257, 1001];
const PLACES: [GradientPlace; 4] = [
    GradientPlace::InPlace,
    GradientPlace::Separate,
    GradientPlace::SeparateWithRowStride(1),
    GradientPlace::SeparateWithRowStride(4),
];

fn rows(classes: usize) -> usize {
    if classes < 100 { 67 } else { 9 }
}

/// Contiguous, with one half between the rows, with whole vectors between them.
fn shapes(classes: usize, element: Element) -> [Shape; 3] {
    let shape = Shape::new(rows(classes), classes).with_element(element);
    [0, 1, 4].map(|gap| shape.with_row_stride(classes + gap))
}

#[test]
fn gradients_of_every_type_to_every_type() {
    let gpu = gpu();
    for element in Element::ALL {
        let gradient_elements = Element::ALL.map(Some).into_iter().chain([None]);
        for (number, gradient_element) in gradient_elements.enumerate() {
            for (turn, classes) in [3, 8, 33].into_iter().enumerate() {
                for shape in shapes(classes, element) {
                    let mut case = cross_entropy(shape);
                    options(&mut case).gradient_element = gradient_element;
                    let mut log_sum_exp = case.clone();
                    log_sum_exp.operation = Operation::LogSumExp(LogSumExp { gradient_element });
                    let at = number + turn;
                    for engine in engines_in_turn(&gpu, [at, at + 2]) {
                        check(&case, &engine);
                    }
                    for engine in engines_in_turn(&gpu, [at + 1, at + 3]) {
                        check(&log_sum_exp, &engine);
                    }
                }
            }
        }
    }
}

#[test]
fn every_number_of_classes_at_every_offset() {
    let gpu = gpu();
    for element in HALVES {
        for classes in CLASSES {
            for shape in shapes(classes, element) {
                let mut case = cross_entropy(shape);
                options(&mut case).rows = ALL;
                for (turn, place) in PLACES.into_iter().enumerate() {
                    for offset in 0..4 {
                        let engine = Embedded::new(&gpu).with_place(place).with_offsets([
                            offset,
                            (offset + turn) % 5,
                            offset,
                        ]);
                        check(&case, &engine);
                        check(&case, &engine.in_two_steps());
                    }
                }
            }
        }
    }
}

/// Everything that an engine returns of a cross-entropy of each row, as bits.
pub fn computed(engine: &Embedded, case: &Case) -> (Vec<u32>, Vec<u32>) {
    let call = case.call();
    let options = CrossEntropy { reduction: Reduction::None, rows: ALL, ..Default::default() };
    let factors: Vec<_> = (0..case.shape.rows).map(|row| 0.3 + row as f32).collect();
    let upstream = Upstream::PerRow(&factors);
    let logits = call.logits.view().expect("the shape fits");
    let targets = call.targets().expect("the shape fits");
    let out = engine
        .cross_entropy_with_gradient(logits, targets, upstream, &options)
        .unwrap_or_else(|error| panic!("{}: {case}: {error}", engine.name()));
    let rows = [out.loss_rows, out.log_sum_exp, out.target_log_probability, out.entropy];
    let rows =
        rows.into_iter().flat_map(|values| bits(&OwnedValues::F32(values.expect("asked for"))));
    let gradient = bits(&out.gradient.expect("asked for"));
    (rows.chain(out.argmax.expect("asked for")).collect(), gradient)
}

/// A row's bits do not depend on which halves of which words it has, nor on where they go.
#[test]
fn the_same_bits_everywhere() {
    let gpu = gpu();
    for element in HALVES {
        for classes in [4, 7, 64, 1000, 4096, 4097] {
            let shape = Shape::new(13, classes).with_element(element);
            let case = cross_entropy(shape);
            let expected = computed(&Embedded::new(&gpu), &case);
            for place in PLACES {
                for offsets in [[0, 0, 0], [1, 0, 3], [2, 1, 0], [3, 3, 1], [4, 8, 2]] {
                    let engine = Embedded::new(&gpu).with_place(place).with_offsets(offsets);
                    assert!(computed(&engine, &case) == expected, "{}: {case}", engine.name());
                }
            }
        }
    }
}

#[test]
fn softmax_in_place_and_elsewhere() {
    let gpu = gpu();
    for element in HALVES {
        for classes in [1, 7, 8, 33, 1001] {
            for shape in shapes(classes, element) {
                let mut case = cross_entropy(shape);
                case.operation = Operation::Softmax(Softmax { log: classes == 33, element: None });
                case.upstream = Factor::None;
                for engine in engines(&gpu) {
                    check(&case, &engine);
                }
            }
        }
    }
}
