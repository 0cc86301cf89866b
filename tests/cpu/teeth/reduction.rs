//! Mistakes in reductions.

use wgpu_loss::{
    Axis, Denominator, Engine, Logits, Mode, Reduce, ReduceOutput, Result, Segments, Statistic,
    Upstream, Weights, cpu,
};

use super::mistake::Mistake;
use super::wrong::read;

/// One mistake, and what was asked for.
#[derive(Clone, Copy)]
pub struct Reduction<'a> {
    pub mistake: Mistake,
    pub options: &'a Reduce,
}

fn weight(weights: Weights<'_>, row: usize, class: usize) -> f32 {
    match weights {
        Weights::None => 1.0,
        Weights::PerRow(weights) => weights[row],
        Weights::PerColumn(weights) => weights[class],
        Weights::PerElement(matrix) => matrix.row(row)[class],
    }
}

/// Values and weights of each result.
fn groups(values: Logits<'_>, weights: Weights<'_>, axis: Axis) -> Vec<Vec<(f32, f32)>> {
    let shape = values.shape();
    let count = match axis {
        Axis::EachRow => shape.rows,
        Axis::EachColumn => shape.classes,
        Axis::All => 1,
    };
    let mut groups = vec![Vec::new(); count];
    for row in 0..shape.rows {
        for (class, x) in values.row(row).into_iter().enumerate() {
            let result = match axis {
                Axis::EachRow => row,
                Axis::EachColumn => class,
                Axis::All => 0,
            };
            groups[result].push((x, weight(weights, row, class)));
        }
    }
    groups
}

impl Reduction<'_> {
    /// The options as a kernel with this mistake takes them.
    fn options(&self) -> Reduce {
        let mut changed = *self.options;
        match self.mistake {
            Mistake::AlwaysStrict => changed.mode = Mode::Strict,
            Mistake::AlwaysMasked => changed.mode = Mode::Masked,
            Mistake::DividesByWeights => changed.denominator = Denominator::Weights,
            _ => {}
        }
        if let Statistic::MeanAndVariance { correction } = &mut changed.statistic {
            let accepts = self.mistake == Mistake::AcceptsOptions && !correction.is_finite();
            if self.mistake == Mistake::DropsCorrection || accepts {
                *correction = 0.0;
            }
        }
        changed
    }

    /// Calls with what a kernel with this mistake takes weights and options for.
    pub fn with_operands(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        call: impl FnOnce(Logits<'_>, Weights<'_>, &Reduce) -> Result<ReduceOutput>,
    ) -> Result<ReduceOutput> {
        let options = self.options();
        let counts_all = matches!(options.statistic, Statistic::Max | Statistic::Min)
            && self.mistake == Mistake::CountsWeightless;
        let is_dropped = match (self.mistake, weights) {
            (Mistake::DropsReductionWeights, _) => true,
            (Mistake::DropsRowWeights, Weights::PerRow(_)) => true,
            (Mistake::DropsClassWeights, Weights::PerColumn(_)) => true,
            _ => counts_all,
        };
        match (self.mistake, weights) {
            _ if is_dropped => {
                call(values, Weights::None, &Reduce { weight_gradient: false, ..options })
            }
            (Mistake::ForgetsWeightGap, Weights::PerElement(matrix)) => {
                let copied = read(matrix, true, |weight| weight);
                call(values, Weights::PerElement(copied.view()?), &options)
            }
            _ => call(values, weights, &options),
        }
    }

    /// Calls with what a kernel with this mistake takes the segments for.
    pub fn with_segments(
        &self,
        segments: Segments<'_>,
        call: impl FnOnce(Segments<'_>) -> Result<ReduceOutput>,
    ) -> Result<ReduceOutput> {
        match (self.mistake, segments) {
            (Mistake::CountsNegativeIds, Segments::Ids { ids, segments }) => {
                let ids: Vec<i32> = ids.iter().map(|&id| id.max(0)).collect();
                call(Segments::Ids { ids: &ids, segments })
            }
            (Mistake::BeginsAtZero, Segments::Offsets([_, rest @ ..])) => {
                let offsets = [&[0], rest].concat();
                call(Segments::Offsets(&offsets))
            }
            _ => call(segments),
        }
    }

    /// What is wrong whatever the values are.
    pub fn spoil_values(&self, out: &mut ReduceOutput) {
        let ReduceOutput { values, variance, sign, denominator, weight_gradient, .. } = out;
        let others = [variance, sign, denominator, weight_gradient];
        match self.mistake {
            Mistake::Zeros => {
                values.fill(0.0);
                others.into_iter().flatten().for_each(|column| column.fill(0.0));
            }
            Mistake::LosesSign => {
                others[1].iter_mut().flatten().for_each(|sign| *sign = sign.abs());
            }
            Mistake::MissingOfReduction(index) if index < 4 => *others[index] = None,
            Mistake::MissingOfReduction(_) => out.gradient = None,
            Mistake::UnaskedOfReduction(index) if index < 4 => {
                others[index].get_or_insert_with(|| vec![0.0; values.len()]);
            }
            Mistake::UnaskedOfReduction(_) => {
                out.gradient.get_or_insert_with(|| wgpu_loss::OwnedValues::F32(Vec::new()));
            }
            _ => {}
        }
    }

    pub fn spoil(
        &self,
        values: Logits<'_>,
        weights: Weights<'_>,
        upstream: Option<Upstream<'_>>,
        out: &mut ReduceOutput,
    ) {
        self.spoil_values(out);
        let options = self.options;
        let groups = || groups(values, weights, options.axis).into_iter().zip(0..);
        let divides_by_weights = match options.statistic {
            Statistic::Mean => options.denominator == Denominator::Weights,
            statistic => matches!(statistic, Statistic::MeanAndVariance { .. }),
        };
        let is_extreme = matches!(options.statistic, Statistic::Max | Statistic::Min);
        match self.mistake {
            Mistake::DividesByCount if divides_by_weights => {
                for (group, result) in groups() {
                    let divisor = out.denominator.as_ref().map_or(1.0, |it| it[result]);
                    out.values[result] *= divisor / group.len() as f32;
                }
            }
            Mistake::SumsInSingle if options.statistic == Statistic::Sum => {
                for (group, result) in groups() {
                    let products = group.into_iter().filter(|(_, w)| *w != 0.0);
                    let sum: f32 = products.map(|(x, w)| x * w).sum();
                    let found = &mut out.values[result];
                    *found = if found.is_finite() { sum + 0.0 } else { *found };
                }
            }
            Mistake::CancelsVariance => {
                for (variance, (group, result)) in out.variance.iter_mut().flatten().zip(groups()) {
                    let count = group.len() as f32;
                    let squares: f32 = group.iter().map(|(x, _)| x * x).sum();
                    let mean = out.values[result];
                    if variance.is_finite() && group.iter().all(|&(_, w)| w == 1.0) {
                        *variance = squares / count - mean * mean;
                    }
                }
            }
            Mistake::PassesOverNan if is_extreme => {
                for (group, result) in groups() {
                    let counted = group.into_iter().filter(|(x, w)| *w != 0.0 && !x.is_nan());
                    let counted = counted.map(|(x, _)| x);
                    out.values[result] = match options.statistic {
                        Statistic::Max => counted.fold(f32::NEG_INFINITY, f32::max),
                        _ => counted.fold(f32::INFINITY, f32::min),
                    };
                }
            }
            Mistake::ForgetsMeanOfGradient if divides_by_weights => {
                let by_number = Denominator::NonzeroWeights;
                let options = Reduce { denominator: by_number, ..self.options() };
                let gradients = upstream.filter(|_| out.weight_gradient.is_some());
                if let Some(upstream) = gradients
                    && let Ok(other) =
                        cpu::Fast.reduce_with_gradient(values, weights, upstream, &options)
                {
                    out.weight_gradient = other.weight_gradient;
                }
            }
            _ => {}
        }
    }
}
