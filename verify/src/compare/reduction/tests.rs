//! The comparison finds what is wrong with a reduction.

use wgpu_loss::{Element, Engine, OwnedValues, Reduce, ReduceOutput, Statistic, Upstream, cpu};

use super::Reduction;
use crate::compare::Comparison;
use crate::{Call, Case, Extent, Operation, OwnedUpstream, cases};

type Mistake = (&'static str, fn(&Reduce, &mut ReduceOutput));

fn off(values: &mut [f32], by: f32) {
    values.iter_mut().for_each(|value| *value += *value * by);
}

fn gradient(out: &mut ReduceOutput, change: impl Fn(&mut [f32])) {
    if let Some(OwnedValues::F32(values)) = &mut out.gradient {
        change(values);
    }
}

fn of(statistic: Statistic, options: &Reduce, change: impl FnOnce()) {
    if options.statistic == statistic {
        change();
    }
}

const MISTAKES: &[Mistake] = &[
    ("sum", |options, out| of(Statistic::Sum, options, || off(&mut out.values, 1e-6))),
    ("mean", |options, out| of(Statistic::Mean, options, || off(&mut out.values, 1e-6))),
    ("sum of squares", |options, out| {
        of(Statistic::SumOfSquares, options, || off(&mut out.values, 1e-6));
    }),
    ("maximum", |options, out| of(Statistic::Max, options, || off(&mut out.values, 1.2e-7))),
    ("minimum", |options, out| of(Statistic::Min, options, || off(&mut out.values, 1.2e-7))),
    ("logarithm", |options, out| of(Statistic::LogSumExp, options, || off(&mut out.values, 5e-6))),
    ("variance", |_, out| out.variance.iter_mut().for_each(|it| off(it, 5e-6))),
    ("denominator", |_, out| out.denominator.iter_mut().for_each(|it| off(it, 1e-6))),
    ("sign", |_, out| out.sign.iter_mut().flatten().for_each(|it| *it = -*it)),
    ("gradient", |options, out| {
        of(Statistic::Sum, options, || gradient(out, |values| off(values, 1e-6)));
    }),
    ("gradient of a mean", |options, out| {
        of(Statistic::Mean, options, || gradient(out, |values| off(values, 1e-6)));
    }),
    ("gradient of a logarithm", |options, out| {
        of(Statistic::LogSumExp, options, || gradient(out, |values| off(values, 2e-5)));
    }),
    ("first gradient", |_, out| {
        gradient(out, |values| values.iter_mut().take(1).for_each(|it| *it = 0.0))
    }),
    ("last gradient", |_, out| {
        gradient(out, |values| values.iter_mut().rev().take(1).for_each(|it| *it = 0.0))
    }),
    ("half gradient", |_, out| {
        if let Some(values) = out.gradient.take_if(|values| values.element() == Element::F16) {
            let mut values = values.into_f32();
            off(&mut values, 4e-3);
            out.gradient = Some(OwnedValues::from_f32(values, Element::F16));
        }
    }),
    ("gradient of another type", |_, out| {
        out.gradient = out.gradient.take().map(|values| {
            let other = if values.element() == Element::F32 { Element::Bf16 } else { Element::F32 };
            OwnedValues::from_f32(values.into_f32(), other)
        });
    }),
    ("weight gradient", |options, out| {
        of(Statistic::Sum, options, || out.weight_gradient.iter_mut().for_each(|it| off(it, 1e-6)));
    }),
    ("weight gradient of a logarithm", |options, out| {
        of(Statistic::LogSumExp, options, || {
            out.weight_gradient.iter_mut().for_each(|it| off(it, 2e-5));
        });
    }),
    ("last weight gradient", |_, out| {
        out.weight_gradient.iter_mut().for_each(|it| it.truncate(it.len().saturating_sub(1)));
    }),
    ("last value", |_, out| out.values.truncate(out.values.len().saturating_sub(1))),
    ("no variance", |_, out| out.variance = None),
    ("no denominator", |_, out| out.denominator = None),
    ("no sign", |_, out| out.sign = None),
    ("no gradient", |_, out| out.gradient = None),
    ("no weight gradient", |_, out| out.weight_gradient = None),
    ("a variance too many", |_, out| {
        out.variance.get_or_insert_with(|| out.values.clone());
    }),
    ("a sign too many", |_, out| {
        out.sign.get_or_insert_with(|| out.values.clone());
    }),
    ("NaN hidden", |_, out| {
        out.values.iter_mut().filter(|it| it.is_nan()).for_each(|it| *it = 0.0);
    }),
    ("+inf hidden", |_, out| {
        out.values.iter_mut().filter(|it| it.is_infinite()).for_each(|it| *it = f32::MAX);
    }),
    ("NaN in a gradient hidden", |_, out| {
        gradient(out, |values| values.iter_mut().filter(|it| it.is_nan()).for_each(|it| *it = 0.0));
    }),
    ("NaN in a weight gradient hidden", |_, out| {
        let values = out.weight_gradient.iter_mut().flatten();
        values.filter(|it| it.is_nan()).for_each(|it| *it = 0.0);
    }),
];

/// A call, with what the oracle says of it, rounded and exact.
struct Judged {
    call: Call,
    options: Reduce,
    found: ReduceOutput,
    expected: ReduceOutput<f64, Vec<f64>>,
}

impl Judged {
    /// `None` of another operation, of a long one, and of what is refused.
    fn new(case: &Case) -> Option<Self> {
        let Operation::Reduce(options) = case.operation else { return None };
        if case.shape.rows * case.shape.classes > 2000 {
            return None;
        }
        let call = case.call();
        let (values, weights) = (call.logits.view().ok()?, call.weights().ok()?);
        let upstream = upstream(&call);
        let found = cpu::Oracle.evaluate_reduce(values, weights, upstream, &options).ok()?;
        let expected = cpu::Oracle.reduce_f64(values, weights, upstream, &options).ok()?;
        Some(Self { call, options, found, expected })
    }

    /// Whether the results differ from themselves once they are spoiled.
    fn finds(&self, spoil: fn(&Reduce, &mut ReduceOutput)) -> bool {
        let (call, options) = (&self.call, &self.options);
        let values = call.logits.view().expect("a legal view");
        let weights = call.weights().expect("legal weights");
        let mut found = self.found.clone();
        spoil(options, &mut found);
        let upstream = upstream(call);
        let problem = Reduction { values, weights, segments: None, upstream, options };
        let mut comparison = Comparison::default();
        comparison.reduction(&problem, &found, &self.expected);
        comparison.failure.is_some()
    }
}

fn upstream(call: &Call) -> Option<Upstream<'_>> {
    match &call.upstream {
        OwnedUpstream::Scalar(factor) => Some(Upstream::Scalar(*factor)),
        OwnedUpstream::PerRow(factors) => Some(Upstream::PerRow(factors)),
        _ => None,
    }
}

#[test]
fn every_mistake_in_an_output_is_found() {
    let cases = cases(Extent::Broad);
    let judged: Vec<_> = cases.iter().filter_map(Judged::new).collect();
    assert!(judged.len() > 50 && judged.iter().all(|it| !it.finds(|_, _| ())));
    for (name, spoil) in MISTAKES {
        assert!(judged.iter().any(|it| it.finds(*spoil)), "{name}");
    }
}
