//! Reductions of segments, by hand.

use wgpu_loss::{
    Axis, Denominator, Element, Engine, Logits, Mode, OwnedValues, Reduce, Segments, Shape,
    Statistic, Weights,
};

use crate::expect::is_close;

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;
const NONE: f64 = f64::NAN;
const INFINITE: f64 = f64::INFINITY;

/// `ln 2`, `ln 3` and `ln 6`.
const LN_2: f64 = std::f64::consts::LN_2;
const LN_3: f64 = 1.098_612_288_668_109_8;
const LN_6: f64 = LN_2 + LN_3;

/// Values in so many columns, their segments, and the results, row-major.
struct Case {
    name: &'static str,
    values: &'static [f32],
    columns: usize,
    segments: Segments<'static>,
    weights: Weighing,
    options: Reduce,
    results: &'static [f64],
    /// Variances, denominators or signs: of the last, where there are two.
    beside: &'static [f64],
}

#[derive(Clone, Copy)]
enum Weighing {
    None,
    Rows(&'static [f32]),
    Columns(&'static [f32]),
    Elements(&'static [f32]),
}

const fn reduce(statistic: Statistic) -> Reduce {
    Reduce {
        statistic,
        axis: Axis::EachColumn,
        mode: Mode::Strict,
        denominator: Denominator::Weights,
        gradient_element: None,
        weight_gradient: false,
    }
}

const fn masked(options: Reduce) -> Reduce {
    Reduce { mode: Mode::Masked, ..options }
}

const SUM: Reduce = reduce(Statistic::Sum);
const MEAN: Reduce = reduce(Statistic::Mean);
const COUNTED: Reduce = Reduce { denominator: Denominator::NonzeroWeights, ..MEAN };
const LOG: Reduce = reduce(Statistic::LogSumExp);

/// Five rows of two columns.
const PAIRS: [f32; 10] = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0, 5.0, 50.0];

const PLAIN: Case = Case {
    name: "",
    values: &PAIRS,
    columns: 2,
    segments: Segments::Offsets(&[0, 2, 5]),
    weights: Weighing::None,
    options: SUM,
    results: &[],
    beside: &[],
};

const CASES: &[Case] = &[
    Case { name: "two segments", results: &[3.0, 30.0, 12.0, 120.0], ..PLAIN },
    Case {
        name: "one segment of everything",
        segments: Segments::Offsets(&[0, 5]),
        results: &[15.0, 150.0],
        ..PLAIN
    },
    Case {
        name: "one segment of everything, by ids",
        segments: Segments::Ids { ids: &[0; 5], segments: 1 },
        results: &[15.0, 150.0],
        ..PLAIN
    },
    Case {
        name: "a segment for each row",
        segments: Segments::Offsets(&[0, 1, 2, 3, 4, 5]),
        results: &[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0, 5.0, 50.0],
        ..PLAIN
    },
    Case {
        name: "rows before, between empty segments, and behind",
        segments: Segments::Offsets(&[1, 1, 3, 3, 4, 4]),
        results: &[0.0, 0.0, 5.0, 50.0, 0.0, 0.0, 4.0, 40.0, 0.0, 0.0],
        ..PLAIN
    },
    Case {
        name: "nothing but empty segments",
        segments: Segments::Offsets(&[5, 5, 5]),
        results: &[0.0; 4],
        ..PLAIN
    },
    Case { name: "no segments", segments: Segments::Offsets(&[2]), results: &[], ..PLAIN },
    Case {
        name: "ids in any order",
        segments: Segments::Ids { ids: &[2, 0, 2, 1, 0], segments: 3 },
        results: &[7.0, 70.0, 4.0, 40.0, 4.0, 40.0],
        ..PLAIN
    },
    Case {
        name: "ids of none, and a segment of none",
        segments: Segments::Ids { ids: &[-1, 2, i32::MIN, 2, -100], segments: 4 },
        results: &[0.0, 0.0, 0.0, 0.0, 6.0, 60.0, 0.0, 0.0],
        ..PLAIN
    },
    Case {
        name: "no ids but those of none",
        segments: Segments::Ids { ids: &[-1; 5], segments: 1 },
        results: &[0.0, 0.0],
        ..PLAIN
    },
    Case {
        name: "no segments by ids",
        segments: Segments::Ids { ids: &[-1; 5], segments: 0 },
        results: &[],
        ..PLAIN
    },
    Case {
        name: "no rows",
        values: &[],
        segments: Segments::Ids { ids: &[], segments: 2 },
        options: reduce(Statistic::Max),
        results: &[-INFINITE; 4],
        ..PLAIN
    },
    Case {
        name: "weights of rows",
        weights: Weighing::Rows(&[2.0, -1.0, 0.0, 0.5, 1.0]),
        results: &[0.0, 0.0, 7.0, 70.0],
        ..PLAIN
    },
    Case {
        name: "weights of columns",
        weights: Weighing::Columns(&[2.0, -0.5]),
        results: &[6.0, -15.0, 24.0, -60.0],
        ..PLAIN
    },
    Case {
        name: "weights of elements",
        weights: Weighing::Elements(&[1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 2.0, -1.0, -1.0]),
        results: &[1.0, 20.0, 1.0, 30.0],
        ..PLAIN
    },
    Case {
        name: "means",
        segments: Segments::Offsets(&[0, 2, 2, 5]),
        options: MEAN,
        results: &[1.5, 15.0, NONE, NONE, 4.0, 40.0],
        beside: &[2.0, 2.0, 0.0, 0.0, 3.0, 3.0],
        ..PLAIN
    },
    Case {
        name: "masked means",
        segments: Segments::Offsets(&[0, 2, 2, 5]),
        options: masked(MEAN),
        results: &[1.5, 15.0, 0.0, 0.0, 4.0, 40.0],
        beside: &[2.0, 2.0, 0.0, 0.0, 3.0, 3.0],
        ..PLAIN
    },
    Case {
        name: "weighted means",
        weights: Weighing::Rows(&[1.0, 3.0, 1.0, 0.0, 1.0]),
        options: MEAN,
        results: &[1.75, 17.5, 4.0, 40.0],
        beside: &[4.0, 4.0, 2.0, 2.0],
        ..PLAIN
    },
    Case {
        name: "means over a number of weights",
        weights: Weighing::Rows(&[1.0, 3.0, 1.0, 0.0, 1.0]),
        options: COUNTED,
        results: &[3.5, 35.0, 4.0, 40.0],
        beside: &[2.0; 4],
        ..PLAIN
    },
    Case {
        name: "means of weights of 0",
        weights: Weighing::Rows(&[0.0, 0.0, 1.0, 0.0, 1.0]),
        options: MEAN,
        results: &[NONE, NONE, 4.0, 40.0],
        beside: &[0.0, 0.0, 2.0, 2.0],
        ..PLAIN
    },
    Case {
        name: "sums of squares",
        options: reduce(Statistic::SumOfSquares),
        results: &[5.0, 500.0, 50.0, 5000.0],
        ..PLAIN
    },
    Case {
        name: "variances",
        segments: Segments::Ids { ids: &[1, 1, 0, 0, 0], segments: 3 },
        options: reduce(Statistic::MeanAndVariance { correction: 1.0 }),
        results: &[4.0, 40.0, 1.5, 15.0, NONE, NONE],
        beside: &[1.0, 100.0, 0.5, 50.0, NONE, NONE],
        ..PLAIN
    },
    Case {
        name: "largest values",
        segments: Segments::Ids { ids: &[1, 1, 0, 0, -1], segments: 3 },
        options: reduce(Statistic::Max),
        results: &[4.0, 40.0, 2.0, 20.0, -INFINITE, -INFINITE],
        ..PLAIN
    },
    Case {
        name: "smallest values",
        segments: Segments::Offsets(&[0, 0, 2, 5]),
        options: reduce(Statistic::Min),
        results: &[INFINITE, INFINITE, 1.0, 10.0, 3.0, 30.0],
        ..PLAIN
    },
    Case {
        name: "log-sum-exps",
        values: &[0.0, 0.0, 0.0, 5.0],
        columns: 1,
        segments: Segments::Ids { ids: &[1, 0, 1, -1], segments: 3 },
        options: LOG,
        results: &[0.0, LN_2, -INFINITE],
        beside: &[1.0, 1.0, 0.0],
        ..PLAIN
    },
    Case {
        name: "weighted log-sum-exps",
        values: &[0.0; 4],
        columns: 1,
        segments: Segments::Offsets(&[0, 2, 4]),
        weights: Weighing::Rows(&[4.0, 2.0, -4.0, 1.0]),
        options: LOG,
        results: &[LN_6, LN_3],
        beside: &[1.0, -1.0],
    },
    Case {
        name: "what is not finite stays in its segment and column",
        values: &[1.0, INF, 2.0, 3.0, NAN, 4.0, 5.0, 6.0, 7.0, NAN],
        segments: Segments::Ids { ids: &[0, 0, 1, 2, -1], segments: 3 },
        results: &[3.0, INFINITE, NONE, 4.0, 5.0, 6.0],
        ..PLAIN
    },
    Case {
        name: "+inf of weight 0",
        values: &[1.0, INF, 2.0],
        columns: 1,
        segments: Segments::Offsets(&[0, 2, 3]),
        weights: Weighing::Rows(&[1.0, 0.0, 1.0]),
        results: &[NONE, 2.0],
        ..PLAIN
    },
    Case {
        name: "+inf of weight 0, masked",
        values: &[1.0, INF, 2.0],
        columns: 1,
        segments: Segments::Offsets(&[0, 2, 3]),
        weights: Weighing::Rows(&[1.0, 0.0, 1.0]),
        options: masked(SUM),
        results: &[1.0, 2.0],
        ..PLAIN
    },
];

/// Rows with a gap of NaN behind each.
fn placed(values: &[f32], columns: usize, gap: usize, element: Element) -> (OwnedValues, Shape) {
    let rows = values.len() / columns;
    let shape = Shape::new(rows, columns).with_row_stride(columns + gap).with_element(element);
    let mut stored = vec![NAN; rows * shape.row_stride];
    for (row, values) in values.chunks(columns).enumerate() {
        stored[shape.start_of(row)..][..columns].copy_from_slice(values);
    }
    (OwnedValues::from_f32(stored, element), shape)
}

fn view((values, shape): &(OwnedValues, Shape)) -> Logits<'_> {
    Logits::from_values(values.values(), *shape).expect("a legal view")
}

/// Every case, with and without gaps, of every element type in turn.
pub fn check(engine: &dyn Engine) {
    for (turn, case) in CASES.iter().enumerate() {
        for (gap, element) in [(0, Element::F32), (3, Element::ALL[turn % 3])] {
            case.check(engine, gap, element);
        }
    }
}

impl Case {
    fn check(&self, engine: &dyn Engine, gap: usize, element: Element) {
        let what = format!("{}: {}, gap {gap}, {element:?}", engine.name(), self.name);
        let values = placed(self.values, self.columns, gap, element);
        let elements = match self.weights {
            Weighing::Elements(weights) => weights,
            _ => &[],
        };
        let elements = placed(elements, self.columns, gap * 2, element);
        let weights = match self.weights {
            Weighing::None => Weights::None,
            Weighing::Rows(weights) => Weights::PerRow(weights),
            Weighing::Columns(weights) => Weights::PerColumn(weights),
            Weighing::Elements(_) => Weights::PerElement(view(&elements)),
        };
        let out = engine.reduce_segments(view(&values), self.segments, weights, &self.options);
        let out = out.unwrap_or_else(|error| panic!("{what}: {error}"));
        let compare = |name: &str, found: &[f32], expected: &[f64]| {
            assert_eq!(found.len(), expected.len(), "{what}: {name}");
            for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                let right = is_close(found, expected);
                assert!(right, "{what}: {name} {at} is {found:e}, expected {expected:e}");
            }
        };
        compare("result", &out.values, self.results);
        let (has_variance, has_sign) = (out.variance.is_some(), out.sign.is_some());
        let statistic = self.options.statistic;
        assert_eq!(has_sign, statistic == Statistic::LogSumExp, "{what}");
        assert_eq!(has_variance, matches!(statistic, Statistic::MeanAndVariance { .. }), "{what}");
        let is_mean = has_variance || statistic == Statistic::Mean;
        assert_eq!(out.denominator.is_some(), is_mean, "{what}");
        let beside = out.variance.or(out.sign).or(out.denominator);
        compare("beside", &beside.unwrap_or_default(), self.beside);
        assert!(out.gradient.is_none() && out.weight_gradient.is_none(), "{what}");
    }
}
