//! `cpu::Fast` against the oracle, around every size at which it does something else.

use super::{Weighting, every_weighting};
use crate::Noise;
use wgpu_loss::{
    Axis, Denominator, Element, Engine, Logits, Mode, OwnedValues, Reduce, Shape, Statistic,
    Upstream, Weights, cpu,
};
use wgpu_loss_verify::check_reduce;

pub const STATISTICS: [Statistic; 7] = [
    Statistic::Sum,
    Statistic::Mean,
    Statistic::SumOfSquares,
    Statistic::MeanAndVariance { correction: 1.0 },
    Statistic::Max,
    Statistic::Min,
    Statistic::LogSumExp,
];

const AXES: [Axis; 3] = [Axis::EachRow, Axis::EachColumn, Axis::All];

/// Around lanes, blocks of them and strips, and primes.
const SHORT: [usize; 24] = [
    0, 1, 2, 3, 4, 5, 7, 13, 15, 16, 17, 31, 63, 64, 65, 97, 127, 255, 256, 257, 1009, 1023, 1024,
    1025,
];

/// Around pieces.
const LONG: [usize; 9] = [4095, 4096, 4097, 16_383, 16_384, 16_385, 65_535, 65_537, 104_729];

/// Numbers with some weights of 0, NaN wherever nothing is to be read.
pub struct Numbers {
    values: OwnedValues,
    shape: Shape,
    weights: OwnedValues,
    weights_shape: Shape,
    per_row: Vec<f32>,
    per_column: Vec<f32>,
    factors: Vec<f32>,
}

/// What the numbers are like.
#[derive(Clone, Copy, Debug)]
struct Content {
    offset: f32,
    signed: bool,
    /// One in so many values is infinite or NaN, and one in so many weights; 0: none.
    specials: usize,
}

fn stored(noise: &mut Noise, shape: Shape, mut next: impl FnMut(&mut Noise) -> f32) -> OwnedValues {
    let mut values = vec![f32::NAN; shape.extent().unwrap()];
    for row in 0..shape.rows {
        for class in 0..shape.classes {
            values[shape.start_of(row) + class * shape.inner] = next(noise);
        }
    }
    OwnedValues::from_f32(values, shape.element)
}

impl Content {
    fn value(&self, noise: &mut Noise) -> f32 {
        if self.specials > 0 && noise.below(self.specials) == 0 {
            return [f32::INFINITY, f32::NEG_INFINITY, f32::NAN][noise.below(3)];
        }
        self.offset + noise.float(-4.0, 4.0)
    }

    fn weight(&self, noise: &mut Noise) -> f32 {
        if self.specials > 0 && noise.below(3 * self.specials) == 0 {
            return [f32::INFINITY, f32::NAN][noise.below(2)];
        }
        match noise.below(4) {
            0 => 0.0,
            _ => noise.float(if self.signed { -1.0 } else { 0.125 }, 2.0),
        }
    }
}

impl Numbers {
    fn new(noise: &mut Noise, shape: Shape, content: Content) -> Self {
        let gap = noise.below(4);
        let weights_shape = shape.with_row_stride(shape.classes * shape.inner + gap);
        let weights_shape = weights_shape.with_element(Element::ALL[noise.below(3)]);
        Self {
            values: stored(noise, shape, |noise| content.value(noise)),
            shape,
            weights: stored(noise, weights_shape, |noise| content.weight(noise)),
            weights_shape,
            per_row: (0..shape.rows).map(|_| content.weight(noise)).collect(),
            per_column: (0..shape.classes).map(|_| content.weight(noise)).collect(),
            factors: noise.floats(shape.rows.max(shape.classes).max(1), -2.0, 2.0),
        }
    }

    fn values(&self) -> Logits<'_> {
        Logits::from_values(self.values.values(), self.shape).unwrap()
    }

    fn weights(&self, weighting: Weighting) -> Weights<'_> {
        match weighting {
            Weighting::None => Weights::None,
            Weighting::PerRow => Weights::PerRow(&self.per_row),
            Weighting::PerColumn => Weights::PerColumn(&self.per_column),
            Weighting::PerElement => {
                let view = Logits::from_values(self.weights.values(), self.weights_shape);
                Weights::PerElement(view.unwrap())
            }
        }
    }
}

fn gradients_of(statistic: Statistic) -> bool {
    matches!(statistic, Statistic::Sum | Statistic::Mean | Statistic::LogSumExp)
}

/// One call, everything but its form drawn.
fn check(noise: &mut Noise, numbers: &Numbers, statistic: Statistic, axis: Axis, of: Weighting) {
    let options = Reduce {
        statistic,
        axis,
        mode: [Mode::Strict, Mode::Masked][noise.below(2)],
        denominator: [Denominator::Weights, Denominator::NonzeroWeights][noise.below(2)],
        gradient_element: [None, Some(Element::F32)][noise.below(2)],
        weight_gradient: false,
    };
    let results = match axis {
        Axis::EachRow => numbers.shape.rows,
        Axis::EachColumn => numbers.shape.classes,
        Axis::All => 1,
    };
    let upstream = match noise.below(3) {
        _ if !gradients_of(statistic) => None,
        0 => None,
        1 => Some(Upstream::Scalar(-1.5)),
        _ => Some(Upstream::PerRow(&numbers.factors[..results])),
    };
    let weight_gradient = upstream.is_some() && of.is_weighted() && noise.below(4) > 0;
    let options = Reduce { weight_gradient, ..options };
    let (values, weights) = (numbers.values(), numbers.weights(of));
    let result = check_reduce(&cpu::Fast, values, weights, upstream, &options);
    let what = || format!("{:?} {of:?} {options:?} {}", numbers.shape, upstream.is_some());
    assert!(result.passed(), "{}: {:?}", what(), result.failure);
    assert!(!result.refused, "{}", what());
}

const CONTENTS: [Content; 4] = [
    Content { offset: 0.0, signed: false, specials: 0 },
    Content { offset: 1000.0, signed: false, specials: 0 },
    Content { offset: 0.0, signed: true, specials: 0 },
    Content { offset: -20.0, signed: true, specials: 40 },
];

/// Both ways a length can lie, alone and among others.
fn shapes(length: usize) -> [Shape; 7] {
    [
        Shape::new(1, length),
        Shape::new(length, 1),
        Shape::new(3, length).with_row_stride(length + 3),
        Shape::new(length, 3),
        Shape::new(length, 18).with_row_stride(19),
        Shape::with_class_axis(2, length, 3).with_row_stride(3 * length + 1),
        Shape::with_class_axis(2, 5, length),
    ]
}

#[test]
fn every_statistic_of_every_length() {
    let mut noise = Noise(1);
    for length in SHORT {
        for (index, shape) in shapes(length).into_iter().enumerate() {
            for statistic in STATISTICS {
                let content = CONTENTS[noise.below(CONTENTS.len())];
                let element = Element::ALL[noise.below(3)];
                let numbers = Numbers::new(&mut noise, shape.with_element(element), content);
                for axis in AXES {
                    let weightings = every_weighting();
                    let drawn = (index + noise.below(2)) % 2;
                    for of in weightings.into_iter().skip(drawn).step_by(2) {
                        check(&mut noise, &numbers, statistic, axis, of);
                    }
                }
            }
        }
    }
}

#[test]
fn every_statistic_of_long_rows_and_columns() {
    let mut noise = Noise(2);
    for length in LONG {
        for shape in shapes(length).into_iter().take(2) {
            let content = CONTENTS[noise.below(3)];
            let numbers = Numbers::new(&mut noise, shape, content);
            for statistic in STATISTICS {
                let axis = AXES[noise.below(3)];
                check(&mut noise, &numbers, statistic, axis, Weighting::None);
                let of = every_weighting()[1 + noise.below(3)];
                check(&mut noise, &numbers, statistic, axis, of);
            }
        }
    }
}

/// More rows and columns than a piece has, whichever is longer in memory.
#[test]
fn every_statistic_in_several_pieces() {
    let mut noise = Noise(3);
    let shapes = [
        Shape::new(70, 1500),
        Shape::new(5000, 16),
        Shape::new(33_000, 3).with_row_stride(4),
        Shape::with_class_axis(2, 1400, 40),
        Shape::with_class_axis(1, 3, 33_000),
        Shape::with_class_axis(9_000, 2, 5),
        Shape::with_class_axis(40, 600, 3),
    ];
    for shape in shapes {
        for statistic in STATISTICS {
            let element = Element::ALL[noise.below(3)];
            let content = CONTENTS[noise.below(3)];
            let numbers = Numbers::new(&mut noise, shape.with_element(element), content);
            let of = every_weighting()[noise.below(4)];
            let axis = AXES[noise.below(3)];
            check(&mut noise, &numbers, statistic, axis, of);
        }
    }
}

/// Weights so different that the largest exponentials are not the largest terms.
#[test]
fn log_sum_exp_of_extreme_weights() {
    let rows: [(&[f32], &[f32]); 6] = [
        (&[0.0, -100.0], &[1e-30, 1e30]),
        (&[0.0, -70.0, -70.3], &[1e-38, 1e30, 2e30]),
        (&[5.0, -200.0], &[1.0, 1e38]),
        (&[80.0, 79.5], &[1e-40, 1e-42]),
        (&[0.0, 0.0, -30.0], &[1.0, -1.0, 1.0]),
        (&[3.25, -90.0], &[0.0, -2.5]),
    ];
    for (x, w) in rows {
        // Among others in a piece of their own, too.
        for (before, after) in [(0, 0), (20_000, 20_000)] {
            let pad = |with: f32, of: &[f32]| {
                [vec![with; before], of.to_vec(), vec![with; after]].concat()
            };
            let (x, w) = (pad(-500.0, x), pad(0.0, w));
            let values = Logits::new(&x, 1, x.len()).unwrap();
            for axis in AXES {
                let options = Reduce::new(Statistic::LogSumExp, axis);
                let options = Reduce { weight_gradient: true, ..options };
                let upstream = Some(Upstream::Scalar(0.5));
                let weights = Weights::PerColumn(&w);
                let result = check_reduce(&cpu::Fast, values, weights, upstream, &options);
                assert!(result.passed(), "{:?}: {:?}", (x.len(), axis), result.failure);
            }
        }
    }
}

/// Sums of products that single precision cannot hold, and sums of them that it can.
#[test]
fn intermediate_results_do_not_overflow() {
    let x = [3e38, 3e38, -3e38, -3e38, 1.0];
    let values = Logits::new(&x, 1, 5).unwrap();
    let weights = Weights::PerRow(&[2.0]);
    let options = Reduce { weight_gradient: true, ..Reduce::new(Statistic::Sum, Axis::EachColumn) };
    let upstream = Some(Upstream::PerRow(&[2.0; 5]));
    let result = check_reduce(&cpu::Fast, values, weights, upstream, &options);
    assert!(result.passed(), "{:?}", result.failure);
    let options = Reduce::new(Statistic::Sum, Axis::EachRow);
    let result = check_reduce(&cpu::Fast, values, weights, None, &options);
    assert!(result.passed(), "{:?}", result.failure);
}

/// A row's result cannot tell what other rows there are, nor a column's what other columns.
#[test]
fn a_row_gives_the_same_bits_alone_and_among_others() {
    let mut noise = Noise(8);
    for length in [3, 15, 16, 100, 1025, 20_000] {
        let x = noise.floats(7 * length, -6.0, 6.0);
        let rows = Logits::new(&x, 7, length).unwrap();
        let x_columns: Vec<f32> = (0..length * 20)
            .map(|at| if at % 20 < 7 { x[at % 20 * length + at / 20] } else { 1.5 })
            .collect();
        let columns = Logits::new(&x_columns, length, 20).unwrap();
        for statistic in STATISTICS {
            let run = |values: Logits<'_>, axis| {
                let options = Reduce::new(statistic, axis);
                cpu::Fast.reduce(values, Weights::None, &options).unwrap().values
            };
            let (of_rows, of_columns) = (run(rows, Axis::EachRow), run(columns, Axis::EachColumn));
            for (row, of_row) in of_rows.iter().enumerate() {
                let alone = rows.row(row);
                let alone = run(Logits::new(&alone, 1, length).unwrap(), Axis::EachRow);
                assert_eq!(alone[0].to_bits(), of_row.to_bits(), "{statistic:?}");
            }
            let narrow: Vec<f32> =
                (0..length * 18).map(|at| x_columns[at / 18 * 20 + at % 18]).collect();
            let narrow = run(Logits::new(&narrow, length, 18).unwrap(), Axis::EachColumn);
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&narrow), bits(&of_columns[..18]), "{statistic:?}");
        }
    }
}
