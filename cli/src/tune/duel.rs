//! A candidate against the built-in table, in turns, so that both see the same machine.

use serde::Serialize;

use super::batch::Bound;
use crate::bench::timing::Timer;
use crate::failure::Result;

/// What has to be gained for a change: less is noise.
pub const MARGIN: f64 = 0.03;

/// Times of the built-in choice and of another, pass by pass.
#[derive(Clone, Debug, Serialize)]
pub struct Duel {
    /// Each pass.
    pub passes: Vec<PassDuel>,
    /// Upper quartile of the turns' ratios, each the geometric mean of its passes.
    pub upper_quartile: f64,
}

/// One pass.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PassDuel {
    /// Median time of the built-in choice.
    pub built_in_milliseconds: f64,
    /// Median time of the other.
    pub milliseconds: f64,
    /// Median of the other's time over the built-in's, turn by turn.
    pub ratio: f64,
    /// Half of the distance between the quartiles of that.
    pub spread: f64,
}

impl Duel {
    /// Of times in turns.
    pub fn of(turns: &[Vec<[f64; 2]>]) -> Self {
        let passes = turns.iter().map(|turns| {
            let of = |index: usize| turns.iter().map(|turn| turn[index]).collect::<Vec<_>>();
            let ratios = sorted(turns.iter().map(|[built_in, other]| other / built_in).collect());
            PassDuel {
                built_in_milliseconds: 1e3 * quantile(&sorted(of(0)), 0.5),
                milliseconds: 1e3 * quantile(&sorted(of(1)), 0.5),
                ratio: quantile(&ratios, 0.5),
                spread: (quantile(&ratios, 0.75) - quantile(&ratios, 0.25)) / 2.0,
            }
        });
        let count = turns.iter().map(Vec::len).min().unwrap_or(0);
        let turn = |index: usize| {
            let ratios = turns.iter().map(|turns| turns[index][1] / turns[index][0]);
            geometric_mean(&ratios.collect::<Vec<_>>())
        };
        let ratios = sorted((0..count).map(turn).collect());
        Self { passes: passes.collect(), upper_quartile: quantile(&ratios, 0.75) }
    }

    /// The geometric mean of the passes' ratios: below 1 the other wins.
    pub fn ratio(&self) -> f64 {
        geometric_mean(&self.passes.iter().map(|pass| pass.ratio).collect::<Vec<_>>())
    }

    /// Whether no pass is slower by more than noise.
    pub fn is_no_worse(&self) -> bool {
        self.passes.iter().all(|pass| pass.ratio <= 1.0 + MARGIN)
    }

    /// Whether the other wins by more than noise, in three of four turns at the least, and loses no
    /// pass.
    pub fn is_better(&self) -> bool {
        self.is_no_worse() && self.ratio() < 1.0 - MARGIN && self.upper_quartile < 1.0
    }
}

/// Times two bindings of each pass in turns.
pub fn duel(timer: &mut Timer, built_in: &[Bound], other: &[Bound], turns: usize) -> Result<Duel> {
    let mut times = vec![Vec::with_capacity(turns); built_in.len()];
    for turn in 0..turns {
        for ((built_in, other), times) in built_in.iter().zip(other).zip(&mut times) {
            let mut time = |bound: &Bound| -> Result<f64> {
                Ok(timer.measure(1, &mut |pass, at| bound.record(pass, at))?.seconds)
            };
            // Whoever comes second finds a warmer machine.
            times.push(if turn % 2 == 0 {
                [time(built_in)?, time(other)?]
            } else {
                let other = time(other)?;
                [time(built_in)?, other]
            });
        }
    }
    Ok(Duel::of(&times))
}

/// Of no values 1.
pub fn geometric_mean(values: &[f64]) -> f64 {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    (logarithms / values.len().max(1) as f64).exp()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Of sorted values, between neighbours where it falls between them.
fn quantile(values: &[f64], part: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let place = part * last as f64;
    let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duel_of(passes: &[[f64; 2]]) -> Duel {
        Duel::of(&passes.iter().map(|pass| vec![*pass; 5]).collect::<Vec<_>>())
    }

    #[test]
    fn a_gain_counts_beyond_the_margin() {
        assert!(duel_of(&[[1.0, 0.9], [2.0, 1.8]]).is_better());
        assert!(!duel_of(&[[1.0, 0.98], [2.0, 1.96]]).is_better());
        assert!(!duel_of(&[[1.0, 1.0]]).is_better());
    }

    #[test]
    fn a_gain_of_one_pass_does_not_pay_for_a_loss_of_another() {
        let duel = duel_of(&[[1.0, 1.1], [1.0, 0.5]]);
        assert!(duel.ratio() < 0.8 && !duel.is_better() && !duel.is_no_worse());
        assert!(duel_of(&[[1.0, 1.02], [1.0, 0.5]]).is_better());
    }

    #[test]
    fn a_gain_that_comes_and_goes_does_not_count() {
        let noisy = [0.6, 0.7, 0.9, 1.1, 1.3].map(|time| [1.0, time]);
        let duel = Duel::of(&[noisy.to_vec()]);
        assert!((duel.passes[0].spread - 0.2).abs() < 1e-9);
        assert!(duel.ratio() < 0.95 && duel.upper_quartile > 1.0 && !duel.is_better());
        let steadier = [0.6, 0.7, 0.9, 0.95, 1.3].map(|time| [1.0, time]);
        assert!(Duel::of(&[steadier.to_vec()]).is_better());
    }

    #[test]
    fn nothing_measured_is_no_gain() {
        assert!(!Duel::of(&[]).is_better());
        assert!(!Duel::of(&[vec![]]).is_better());
        assert!(!Duel::of(&[vec![]]).is_no_worse());
    }
}
