//! Log-sum-exp, softmax and log-softmax of special rows.

use wgpu_loss::{Element, Engine, LogSumExp, Logits, Shape, Softmax, Upstream};

use super::expect::{Is, is_close, is_gradient};
use super::plan::{Extent, settings};
use super::row::LOW;
use super::widen::{Layout, Placed};

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;
const NEG: f32 = f32::NEG_INFINITY;
const LN_2: f64 = std::f64::consts::LN_2;

/// A row of three classes among others, and what comes of it: at the three classes and at every
/// other one.
struct Row {
    name: &'static str,
    logits: [f32; 3],
    others: f32,
    log_sum_exp: Is,
    /// Softmax, which is also the gradient of log-sum-exp but for `exp_of_difference`.
    softmax: [Is; 4],
    log_softmax: [Is; 4],
    /// The gradient of log-sum-exp where it differs: `exp(x - lse)` beside a `+inf`.
    exp_of_difference: Option<[Is; 4]>,
}

const UNDEFINED: Row = Row {
    name: "",
    logits: [0.0; 3],
    others: LOW,
    log_sum_exp: Is::Nan,
    softmax: [Is::Nan; 4],
    log_softmax: [Is::Nan; 4],
    exp_of_difference: None,
};

const HALF: Is = Is::Value(0.5);
const LN_HALF: Is = Is::Value(-LN_2);
const FAR: Is = Is::Value(LOW as f64 - LN_2);

const ROWS: &[Row] = &[
    Row {
        name: "two equal logits",
        logits: [0.0, LOW, 0.0],
        log_sum_exp: Is::Value(LN_2),
        softmax: [HALF, Is::Zero, HALF, Is::Zero],
        log_softmax: [LN_HALF, FAR, LN_HALF, FAR],
        ..UNDEFINED
    },
    Row {
        name: "two equal logits and -inf",
        logits: [NEG, 0.0, 0.0],
        log_sum_exp: Is::Value(LN_2),
        softmax: [Is::Zero, HALF, HALF, Is::Zero],
        log_softmax: [Is::NegInf, LN_HALF, LN_HALF, FAR],
        ..UNDEFINED
    },
    Row {
        name: "one logit among -inf",
        logits: [NEG, NEG, 2.0],
        others: NEG,
        log_sum_exp: Is::Value(2.0),
        softmax: [Is::Zero, Is::Zero, Is::Value(1.0), Is::Zero],
        log_softmax: [Is::NegInf, Is::NegInf, Is::Zero, Is::NegInf],
        ..UNDEFINED
    },
    Row {
        name: "nothing but -inf",
        logits: [NEG; 3],
        others: NEG,
        log_sum_exp: Is::NegInf,
        ..UNDEFINED
    },
    Row {
        name: "+inf",
        logits: [0.0, INF, NEG],
        log_sum_exp: Is::Inf,
        exp_of_difference: Some([Is::Zero, Is::Nan, Is::Zero, Is::Zero]),
        ..UNDEFINED
    },
    Row {
        name: "two times +inf",
        logits: [INF, 0.0, INF],
        log_sum_exp: Is::Inf,
        exp_of_difference: Some([Is::Nan, Is::Zero, Is::Nan, Is::Zero]),
        ..UNDEFINED
    },
    Row { name: "NaN", logits: [0.0, 0.0, NAN], ..UNDEFINED },
    Row { name: "NaN among -inf", logits: [NEG, NAN, NEG], others: NEG, ..UNDEFINED },
    Row { name: "NaN and +inf", logits: [INF, NAN, 0.0], ..UNDEFINED },
];

/// Between two special rows, an ordinary one: two equal logits.
const BATCH: usize = 4;

/// Every row of the table, in every setting up to so many classes.
pub fn check(engine: &dyn Engine, extent: Extent) {
    for (turn, row) in ROWS.iter().enumerate() {
        for setting in settings(&Element::ALL, extent, turn) {
            let what =
                |output: &str| format!("{}: {}, {output}, {setting:?}", engine.name(), row.name);
            let columns = setting.place.columns(setting.classes);
            let shape = setting.layout.shape(BATCH, setting.classes);
            let batch = [row, &ROWS[0], row, &ROWS[0]];
            let values = batch.map(|row| (row.logits, row.others));
            let logits = Placed::new(&values, columns, shape, setting.element);
            let factors = [0.5, -1.5, 2.0, 0.75];
            let upstream = Upstream::PerRow(&factors);
            let options = LogSumExp::default();
            let out = engine.log_sum_exp_with_gradient(logits.view(), upstream, &options);
            let out = out.unwrap_or_else(|error| panic!("{}: {error}", what("log-sum-exp")));
            for (found, row) in out.log_sum_exp.iter().zip(batch) {
                let expected = row.log_sum_exp.number(f64::NAN);
                assert!(is_close(*found, expected), "{} is {found:e}", what("log-sum-exp"));
            }
            let gradient = out.gradient.map(|gradient| gradient.into_f32()).unwrap_or_default();
            let expected = |index: usize, class: usize| {
                let of_row = batch[index].exp_of_difference.unwrap_or(batch[index].softmax);
                f64::from(factors[index]) * of_row[class].number(f64::NAN)
            };
            let compare = |output: &str, found: &[f32], expected: &dyn Fn(usize, usize) -> f64| {
                let of_place = Comparison { found, columns, shape, element: setting.element };
                let problem = of_place.difference(expected);
                assert!(problem.is_none(), "{}: {}", what(output), problem.unwrap_or_default());
            };
            compare("gradient of log-sum-exp", &gradient, &expected);
            for log in [false, true] {
                let name = if log { "log-softmax" } else { "softmax" };
                let options = Softmax { log, ..Default::default() };
                let out = engine.softmax(logits.view(), &options);
                let out = out.unwrap_or_else(|error| panic!("{}: {error}", what(name)));
                compare(name, &out.into_f32(), &|index, class| {
                    let row = batch[index];
                    let of_row = if log { row.log_softmax } else { row.softmax };
                    of_row[class].number(f64::NAN)
                });
                // An upstream gradient of the first of the three classes alone.
                let upstream = batch.map(|_| ([1.0, 0.0, 0.0], 0.0));
                let upstream = Placed::new(&upstream, columns, shape, setting.element);
                let out = engine.softmax_gradient(logits.view(), upstream.view(), &options);
                let name = format!("gradient of {name}");
                let out = out.unwrap_or_else(|error| panic!("{}: {error}", what(&name)));
                compare(&name, &out.into_f32(), &|index, class| {
                    let p = |class: usize| batch[index].softmax[class].number(f64::NAN);
                    let g = if class == 0 { 1.0 } else { 0.0 };
                    if log { g - p(class) } else { p(class) * (g - p(0)) }
                });
            }
        }
    }
    without_classes(engine);
}

/// A result to compare.
struct Comparison<'a> {
    found: &'a [f32],
    columns: [usize; 3],
    shape: Shape,
    element: Element,
}

impl Comparison<'_> {
    /// The first difference from what is expected in a row at a class: one of the three, or 3 for
    /// all others.
    fn difference(&self, expected: &dyn Fn(usize, usize) -> f64) -> Option<String> {
        let shape = self.shape.contiguous();
        if Some(self.found.len()) != shape.elements() {
            return Some(format!("{} values", self.found.len()));
        }
        for row in 0..shape.rows {
            let mut of_class = vec![expected(row, 3); shape.classes];
            for (class, &column) in self.columns.iter().enumerate() {
                of_class[column] = expected(row, class);
            }
            for (class, expected) in of_class.into_iter().enumerate() {
                let found = self.found[shape.start_of(row) + class * shape.inner];
                let factor = expected.abs().max(1.0);
                if !is_gradient(found, expected, factor, self.element) {
                    return Some(format!("[{row}, {class}] is {found:e}, expected {expected:e}"));
                }
            }
        }
        None
    }
}

/// Rows without classes: the log-sum-exp of nothing.
fn without_classes(engine: &dyn Engine) {
    for layout in Layout::ALL {
        let shape = layout.shape(4, 0);
        let values = vec![NAN; shape.outer() * shape.row_stride];
        let view = Logits::from_values(values[..].into(), shape);
        let view = view.unwrap_or_else(|error| panic!("{layout:?}: {error}"));
        let out =
            engine.log_sum_exp_with_gradient(view, Upstream::default(), &LogSumExp::default());
        let out = out.unwrap_or_else(|error| panic!("{}, {layout:?}: {error}", engine.name()));
        assert_eq!(out.log_sum_exp, [NEG; 4], "{}, {layout:?}", engine.name());
        assert!(out.gradient.is_some_and(|gradient| gradient.is_empty()));
        let out = engine.softmax(view, &Softmax::default());
        let out = out.unwrap_or_else(|error| panic!("{}, {layout:?}: {error}", engine.name()));
        assert!(out.is_empty());
    }
}
