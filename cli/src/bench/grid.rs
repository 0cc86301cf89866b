//! Which operations are timed on which shapes, and how thoroughly.

use wgpu_loss::plan::AdapterClass;
use wgpu_loss::{Element, Shape};

use super::elementwise::{Loss, LossOp};
use super::op::Op;
use super::reduce::ReduceOp;
use super::softmax_loss::{Loss as SoftmaxLoss, SoftmaxLossOp};
use crate::arguments::{GridOptions, OpOption};

/// Classes of the full grid; 50257 is no multiple of a vector of 4.
const CLASSES: [usize; 8] = [10, 100, 1000, 4096, 32_000, 50_257, 128_256, 1 << 20];

/// Segmentation, as PyTorch has it: (N, 21, 512, 512).
const SEGMENTATION: (usize, usize) = (21, 512 * 512);

/// Columns of what is reduced, and how.
const REDUCTIONS: [(usize, &[ReduceOp]); 3] = [
    (1024, &ReduceOp::ALL),
    (16, &[ReduceOp::RowSums, ReduceOp::ColumnSums]),
    (1 << 18, &[ReduceOp::RowSums, ReduceOp::ColumnSums]),
];

/// Rows and columns of element-wise losses: 64 MiB of `float32`, and of the quick grid 16 MiB.
const ELEMENTWISE: (usize, usize) = (16_384, 1024);
const QUICK_ELEMENTWISE: (usize, usize) = (4096, 1024);

/// Rows and classes of softmax losses: images, and a vocabulary, about 64 MiB of `float32`; of the
/// quick grid 16 MiB.
const SOFTMAX_LOSSES: [(usize, usize); 2] = [(16_384, 1_000), (512, 32_000)];
const QUICK_SOFTMAX_LOSSES: (usize, usize) = (4_096, 1_000);

/// Rows and classes of the quick grid, and of the report's table.
pub const QUICK_SHAPES: [(usize, usize); 3] = [(65_536, 10), (8_192, 1_000), (512, 32_000)];

/// Operations on one shape, element type included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case<T> {
    /// The shape.
    pub shape: Shape,
    /// What is timed, in this order.
    pub ops: Vec<T>,
}

/// Everything that is timed.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Log-sum-exp and cross-entropy.
    pub losses: Vec<Case<Op>>,
    /// Weighted reductions.
    pub reductions: Vec<Case<ReduceOp>>,
    /// Element-wise losses.
    pub elementwise: Vec<Case<LossOp>>,
    /// Focal loss and divergences of logits.
    pub softmax_losses: Vec<Case<SoftmaxLossOp>>,
    /// Whether single calls on small batches are timed.
    pub small_calls: bool,
}

/// How thoroughly it is timed.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Submissions, or runs on the CPU, that a median is of.
    pub runs: usize,
    /// The same of each kernel of a ceiling.
    pub ceiling_runs: usize,
    /// Whether every geometry competes for a ceiling.
    pub every_geometry: bool,
    /// Whether the ceilings are measured again beside each shape.
    pub ceilings_beside: bool,
    /// Most bytes of a buffer.
    pub buffer_bytes: u64,
    /// Bytes of logits that take turns on the device.
    pub footprint: u64,
    /// The same on the CPU.
    pub host_footprint: u64,
    /// How often the CPU's ceilings go over that in a sample.
    pub host_passes: u64,
}

const MIB: u64 = 1 << 20;

impl Effort {
    /// Few runs; the report's and `--quick`'s.
    pub const QUICK: Self = Self {
        runs: 5,
        ceiling_runs: 3,
        every_geometry: false,
        ceilings_beside: false,
        buffer_bytes: 64 * MIB,
        footprint: 128 * MIB,
        host_footprint: 64 * MIB,
        host_passes: 1,
    };

    /// For an adapter of a class beside a CPU with a cache of so many bytes.
    pub fn full(class: Option<AdapterClass>, cache: u64) -> Self {
        let beyond_cache = |least: u64| (2 * cache).clamp(least, 1024 * MIB);
        let host_footprint = beyond_cache(256 * MIB);
        let (buffer_bytes, footprint) = match class {
            Some(AdapterClass::Discrete) => (256 * MIB, 1024 * MIB),
            Some(AdapterClass::Integrated) => (128 * MIB, beyond_cache(512 * MIB)),
            Some(AdapterClass::Software) | None => (128 * MIB, host_footprint),
        };
        Self {
            runs: 7,
            ceiling_runs: 5,
            every_geometry: true,
            ceilings_beside: true,
            buffer_bytes,
            footprint,
            host_footprint,
            host_passes: 2,
        }
    }

    /// The same over so many bytes.
    pub fn over(self, footprint: u64) -> Self {
        let buffer_bytes = self.buffer_bytes.min(footprint);
        Self { buffer_bytes, footprint, host_footprint: footprint, ..self }
    }
}

impl Grid {
    /// Whether nothing is held against ceilings.
    pub fn is_without_ceilings(&self) -> bool {
        self.losses.is_empty()
            && self.reductions.is_empty()
            && self.elementwise.is_empty()
            && self.softmax_losses.is_empty()
    }

    /// The shape of each case.
    pub fn shapes(&self) -> impl Iterator<Item = Shape> {
        let losses = self.losses.iter().map(|case| case.shape);
        let reductions = self.reductions.iter().map(|case| case.shape);
        let elementwise = self.elementwise.iter().map(|case| case.shape);
        let softmax_losses = self.softmax_losses.iter().map(|case| case.shape);
        losses.chain(reductions).chain(elementwise).chain(softmax_losses)
    }

    /// What the options choose, `float32` logits of at most so many bytes each.
    pub fn new(options: &GridOptions, bytes: u64) -> Self {
        let elements: Vec<_> = match (options.element.as_slice(), options.quick) {
            ([], false) => Element::ALL.to_vec(),
            ([], true) => vec![Element::F32, Element::Bf16],
            (chosen, _) => chosen.iter().map(|element| element.library()).collect(),
        };
        let chosen = |op: OpOption| options.op.is_empty() || options.op.contains(&op);
        let ops = |element: Element| {
            let ops = Op::ALL.into_iter().filter(|op| chosen(loss_option(*op)));
            // Of half precision all but these are a matter of bytes alone.
            let is_default = options.op.is_empty() && options.element.is_empty();
            let kept = |op: &Op| {
                !is_default || element == Element::F32 || matches!(op, Op::Forward | Op::Fused)
            };
            ops.filter(kept).collect::<Vec<_>>()
        };
        let shapes = match (options.shape.as_slice(), options.quick) {
            ([], false) => shapes(bytes),
            ([], true) => quick_shapes(),
            (chosen, _) => chosen.to_vec(),
        };
        let losses = shapes.iter().flat_map(|shape| {
            elements
                .iter()
                .map(|element| Case { shape: shape.with_element(*element), ops: ops(*element) })
        });
        let reduced: Vec<(Shape, &[ReduceOp])> = match (options.shape.as_slice(), options.quick) {
            ([], false) => REDUCTIONS
                .map(|(columns, ops)| (Shape::new(rows(bytes, columns), columns), ops))
                .to_vec(),
            ([], true) => vec![(Shape::new(16_384, 1_024), &ReduceOp::ALL)],
            (chosen, _) => {
                let matrices = chosen.iter().filter(|shape| shape.inner == 1);
                matrices.map(|shape| (*shape, ReduceOp::ALL.as_slice())).collect()
            }
        };
        let reductions = reduced.iter().flat_map(|(shape, ops)| {
            let ops: Vec<_> = ops.iter().copied().filter(|op| chosen(reduce_option(*op))).collect();
            elements
                .iter()
                .map(move |element| Case { shape: shape.with_element(*element), ops: ops.clone() })
        });
        let losses_of = |shape: Shape| {
            let ops = LossOp::ALL.into_iter().filter(|op| chosen(elementwise_option(*op)));
            Case { shape, ops: ops.collect() }
        };
        let ((rows, columns), (quick_rows, quick_columns)) = (ELEMENTWISE, QUICK_ELEMENTWISE);
        let of_elements = match (options.shape.as_slice(), options.quick) {
            ([], false) => vec![Shape::new(rows, columns)],
            ([], true) => vec![Shape::new(quick_rows, quick_columns)],
            (chosen, _) => chosen.to_vec(),
        };
        // Of half precision nothing but the bytes differs.
        let is_default = options.element.is_empty();
        let of_elements = of_elements.iter().flat_map(|shape| {
            let kept = elements.iter().filter(|it| !is_default || **it == Element::F32);
            kept.map(|element| losses_of(shape.with_element(*element)))
        });
        let softmax_shapes = match (options.shape.as_slice(), options.quick) {
            ([], false) => SOFTMAX_LOSSES.map(|(rows, classes)| Shape::new(rows, classes)).to_vec(),
            ([], true) => vec![Shape::new(QUICK_SOFTMAX_LOSSES.0, QUICK_SOFTMAX_LOSSES.1)],
            (chosen, _) => chosen.to_vec(),
        };
        let softmax_losses = softmax_shapes.iter().flat_map(|shape| {
            let kept = elements.iter().filter(|it| !is_default || **it == Element::F32);
            kept.map(|element| {
                let ops = SoftmaxLossOp::ALL.into_iter().filter(|op| chosen(softmax_option(*op)));
                Case { shape: shape.with_element(*element), ops: ops.collect() }
            })
        });
        Self {
            softmax_losses: softmax_losses.filter(|case| !case.ops.is_empty()).collect(),
            elementwise: of_elements.filter(|case| !case.ops.is_empty()).collect(),
            losses: losses.filter(|case| !case.ops.is_empty()).collect(),
            reductions: reductions.filter(|case| !case.ops.is_empty()).collect(),
            small_calls: chosen(OpOption::SmallCalls),
        }
    }
}

/// The full grid's, each of `float32` logits between half of `bytes` and all of them.
fn shapes(bytes: u64) -> Vec<Shape> {
    let (classes, inner) = SEGMENTATION;
    let outer = rows(bytes, classes * inner);
    let matrices = CLASSES.iter().map(|classes| Shape::new(rows(bytes, *classes), *classes));
    matrices.chain([Shape::with_class_axis(outer, classes, inner)]).collect()
}

fn quick_shapes() -> Vec<Shape> {
    let matrices = QUICK_SHAPES.iter().map(|(rows, classes)| Shape::new(*rows, *classes));
    matrices.chain([Shape::with_class_axis(16, SEGMENTATION.0, 128 * 128)]).collect()
}

/// The largest power of two of rows of `float32` that fit.
fn rows(bytes: u64, classes: usize) -> usize {
    let most = (bytes / (4 * classes as u64)).max(1);
    1 << most.ilog2()
}

fn loss_option(op: Op) -> OpOption {
    match op {
        Op::LogSumExp => OpOption::LogSumExp,
        Op::Forward => OpOption::Forward,
        Op::Fused => OpOption::Fused,
        Op::Backward => OpOption::Backward,
        Op::FusedInPlace => OpOption::InPlace,
    }
}

fn elementwise_option(op: LossOp) -> OpOption {
    match op.loss {
        Loss::BinaryCrossEntropy => OpOption::BinaryCrossEntropy,
        Loss::SigmoidFocal => OpOption::SigmoidFocal,
        Loss::SquaredError => OpOption::SquaredError,
        Loss::KlDivergence => OpOption::KlDivergence,
    }
}

fn softmax_option(op: SoftmaxLossOp) -> OpOption {
    match op.loss {
        SoftmaxLoss::Focal => OpOption::SoftmaxFocal,
        SoftmaxLoss::KlDivergence => OpOption::SoftmaxKlDivergence,
        SoftmaxLoss::JensenShannon => OpOption::SoftmaxJensenShannon,
    }
}

fn reduce_option(op: ReduceOp) -> OpOption {
    match op {
        ReduceOp::Sum => OpOption::Sum,
        ReduceOp::WeightedMean => OpOption::WeightedMean,
        ReduceOp::RowSums => OpOption::RowSums,
        ReduceOp::ColumnSums => OpOption::ColumnSums,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_are_as_large_as_wanted() {
        for bytes in [128 * MIB, 256 * MIB] {
            for shape in shapes(bytes) {
                let found = 4 * shape.elements().unwrap_or(0) as u64;
                assert!(found <= bytes && 2 * found >= bytes, "{shape:?}: {found}");
            }
        }
    }

    #[test]
    fn footprints_are_beyond_caches() {
        for class in [None, Some(AdapterClass::Software), Some(AdapterClass::Integrated)] {
            let effort = Effort::full(class, 260 * MIB);
            assert_eq!((effort.footprint, effort.host_footprint), (520 * MIB, 520 * MIB));
        }
        assert_eq!(Effort::full(Some(AdapterClass::Discrete), 0).host_footprint, 256 * MIB);
        let chosen = Effort::QUICK.over(2 * MIB);
        assert_eq!(
            (chosen.footprint, chosen.host_footprint, chosen.buffer_bytes),
            (2 << 20, 2 << 20, 2 << 20)
        );
        assert_eq!(Effort::QUICK.over(100 * MIB).buffer_bytes, 64 * MIB);
    }

    #[test]
    fn options_choose() {
        let everything = Grid::new(&GridOptions::default(), 128 * MIB);
        assert_eq!((everything.losses.len(), everything.reductions.len()), (9 * 3, 3 * 3));
        assert_eq!(everything.losses[0].ops, Op::ALL);
        assert_eq!(everything.elementwise.len(), 1);
        assert_eq!(everything.elementwise[0].shape.elements(), Some(64 << 18));
        assert_eq!(everything.elementwise[0].ops, LossOp::ALL);
        assert_eq!(everything.softmax_losses.len(), 2);
        assert_eq!(everything.softmax_losses[0].ops, SoftmaxLossOp::ALL);
        assert_eq!(everything.losses[1].ops, [Op::Forward, Op::Fused]);
        assert!(everything.small_calls);

        let chosen = Grid::new(
            &GridOptions {
                op: vec![OpOption::Backward],
                shape: vec![Shape::new(3, 2), Shape::with_class_axis(2, 3, 4)],
                quick: true,
                ..Default::default()
            },
            128 * MIB,
        );
        assert!(chosen.reductions.is_empty() && !chosen.small_calls);
        assert!(chosen.elementwise.is_empty() && chosen.softmax_losses.is_empty());
        let elements = [Element::F32, Element::Bf16];
        let shapes = [Shape::new(3, 2), Shape::with_class_axis(2, 3, 4)];
        let expected = shapes.iter().flat_map(|shape| {
            elements
                .map(|element| Case { shape: shape.with_element(element), ops: vec![Op::Backward] })
        });
        assert_eq!(chosen.losses, expected.collect::<Vec<_>>());
    }
}
