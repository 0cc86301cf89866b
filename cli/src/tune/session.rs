//! One band of classes after the other: search, then a duel with the built-in table.

use std::collections::HashMap;

use indicatif::ProgressBar;
use serde::Serialize;
use wgpu_loss::plan::{Capabilities, Choice, Entry};
use wgpu_loss::{Error, Gpu, Kernels};

use super::batch::{Batch, Bound, Size};
use super::candidates::{candidates, neighbours};
use super::duel::{Duel, duel, geometric_mean};
use super::list::{Band, List};
use super::search::{Effort, Stopwatch, search};
use super::table::Winner;
use crate::bench::timing::Timer;
use crate::failure::{Failure, Result};

/// How hard is looked, and how long the duels are.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The search.
    pub search: Effort,
    /// Turns of a duel.
    pub turns: usize,
    /// Of batches.
    pub size: Size,
}

/// A candidate that cannot be chosen.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// Which.
    pub candidate: String,
    /// Number of classes.
    pub classes: u64,
    /// Why.
    pub reason: String,
}

/// The last look at a candidate.
#[derive(Clone, Debug, Serialize)]
pub struct Look {
    #[serde(skip)]
    entry: Entry,
    /// Which.
    pub candidate: String,
    /// The least time of each pass.
    pub milliseconds: Vec<f64>,
}

impl Look {
    fn new(entry: Entry, candidate: String, times: &[f64]) -> Self {
        Self { entry, candidate, milliseconds: times.iter().map(|time| 1e3 * time).collect() }
    }
}

/// What came of a band.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The table.
    pub table: List,
    /// The classes.
    #[serde(flatten)]
    pub band: Band,
    /// Rows of the batch.
    pub rows: usize,
    /// What the built-in table chooses.
    pub built_in: String,
    /// The fastest other candidate, if any.
    pub challenger: Option<String>,
    /// The two of them, at the largest number of classes.
    pub duel: Option<Duel>,
    /// The two of them at the least, where the challenger won at the largest.
    pub duel_at_least: Option<Duel>,
    /// Whether the challenger is chosen.
    pub is_chosen: bool,
    /// Every candidate that was looked at.
    pub looks: Vec<Look>,
    /// The winner.
    #[serde(skip)]
    pub winner: Option<Winner>,
}

/// An adapter at work.
pub struct Session<'a> {
    gpu: &'a Gpu,
    timer: Timer,
    extent: Extent,
    kernels: HashMap<(List, Entry), Kernels>,
    bar: ProgressBar,
    /// Candidates that cannot be chosen.
    pub left_out: Vec<LeftOut>,
}

impl<'a> Session<'a> {
    /// On a GPU with the built-in tuning.
    pub fn new(gpu: &'a Gpu, extent: Extent, bar: ProgressBar) -> Result<Self> {
        let timer = Timer::new(gpu)?;
        Ok(Self { gpu, timer, extent, kernels: HashMap::new(), bar, left_out: Vec::new() })
    }

    /// The clock, for people and for JSON.
    pub fn timer_name(&self) -> &'static str {
        self.timer.name()
    }

    fn capabilities(&self) -> Capabilities {
        *self.gpu.kernels().capabilities()
    }

    /// Searches one band.
    pub fn band(&mut self, list: List, band: Band) -> Result<Outcome> {
        let (gpu, capabilities, extent) = (self.gpu, self.capabilities(), self.extent);
        let classes = band.up_to_classes;
        self.bar.set_message(format!("{classes} classes"));
        let batch = Batch::new(gpu, list, classes as usize, extent.size)?;
        let built_in = list.choice(&capabilities, gpu.kernels().tuning(), classes)?;
        let standing = bind(&batch, list, gpu.kernels(), &name(&built_in))?;

        let first = candidates(list, &capabilities, classes);
        self.bar.inc_length(first.len() as u64);
        let mut course = Course {
            standing: self.least_times(&standing, extent.search.runs)?,
            session: self,
            batch: &batch,
            list,
            classes,
            best: f64::INFINITY,
            bound: Vec::new(),
            looks: Vec::new(),
        };
        let ranked = search(first, extent.search, &mut course)?;
        let (mut bound, looks) = (course.bound, course.looks);
        let mut outcome = Outcome {
            table: list,
            band,
            rows: batch.rows(),
            built_in: name(&built_in),
            challenger: None,
            duel: None,
            duel_at_least: None,
            is_chosen: false,
            looks,
            winner: None,
        };
        // Where the built-in choice is itself the fastest, nobody challenges it.
        let Some((challenger, _)) = ranked.first() else { return Ok(outcome) };
        let choice = self.choice(list, challenger, classes)?;
        let Some(index) = bound.iter().position(|(entry, _)| entry == challenger) else {
            return Ok(outcome);
        };
        if choice == built_in {
            return Ok(outcome);
        }
        let (entry, passes) = bound.swap_remove(index);
        self.bar.set_message(format!("{classes} classes, {} again", name(&choice)));
        outcome.challenger = Some(name(&choice));
        let at_most = duel(&mut self.timer, &standing, &passes, extent.turns)?;
        let wins = at_most.is_better();
        outcome.duel = Some(at_most);
        drop((bound, standing, passes, batch));
        if wins && band.from_classes < classes {
            let at_least = self.duel_at(list, band.from_classes, &entry)?;
            outcome.is_chosen = at_least.as_ref().is_some_and(Duel::is_no_worse);
            outcome.duel_at_least = at_least;
        } else {
            outcome.is_chosen = wins;
        }
        outcome.winner = outcome.is_chosen.then_some(Winner { band, entry });
        Ok(outcome)
    }

    /// A duel at another number of classes; `None` where the candidate is out of the race there.
    fn duel_at(&mut self, list: List, classes: u64, entry: &Entry) -> Result<Option<Duel>> {
        let (gpu, extent) = (self.gpu, self.extent);
        let batch = Batch::new(gpu, list, classes as usize, extent.size)?;
        let built_in = list.choice(&self.capabilities(), gpu.kernels().tuning(), classes)?;
        let standing = bind(&batch, list, gpu.kernels(), &name(&built_in))?;
        let Some(passes) = self.try_bind(&batch, list, entry, classes)? else { return Ok(None) };
        duel(&mut self.timer, &standing, &passes, extent.turns).map(Some)
    }

    /// The least time of each pass: whatever else the machine does only adds.
    fn least_times(&mut self, passes: &[Bound], runs: usize) -> Result<Vec<f64>> {
        let timer = &mut self.timer;
        let least = passes.iter().map(|bound| {
            (0..runs).try_fold(f64::INFINITY, |least, _| {
                let timing = timer.measure(1, &mut |pass, at| bound.record(pass, at))?;
                Ok(timing.seconds.max(1e-12).min(least))
            })
        });
        least.collect()
    }

    fn choice(&self, list: List, entry: &Entry, classes: u64) -> Result<Choice> {
        let tuning = list.replaced(self.gpu.kernels().tuning(), vec![*entry]);
        Ok(list.choice(&self.capabilities(), &tuning, classes)?)
    }

    /// A candidate's passes; `None`, and noted, where it answers wrongly or does not compile.
    fn try_bind(
        &mut self,
        batch: &Batch<'_>,
        list: List,
        entry: &Entry,
        classes: u64,
    ) -> Result<Option<Vec<Bound>>> {
        let what = name(&self.choice(list, entry, classes)?);
        let kernels = match self.kernels.get(&(list, *entry)) {
            Some(kernels) => kernels.clone(),
            None => {
                let kernels = list.kernels_of(self.gpu.kernels(), *entry)?;
                self.kernels.insert((list, *entry), kernels.clone());
                kernels
            }
        };
        let failure = match bind(batch, list, &kernels, &what) {
            Ok(bound) => return Ok(Some(bound)),
            Err(Failure::Library(lost @ Error::DeviceLost { .. })) => return Err(lost.into()),
            Err(failure) => failure,
        };
        let reason = failure.to_string();
        self.left_out.push(LeftOut { candidate: what, classes, reason });
        Ok(None)
    }
}

/// Every pass of a table on such kernels.
fn bind(batch: &Batch<'_>, list: List, kernels: &Kernels, what: &str) -> Result<Vec<Bound>> {
    list.passes().iter().map(|pass| batch.prepare(kernels, *pass, what)).collect()
}

/// A choice for people: `streamed subgroup 8x8x4`.
pub fn name(choice: &Choice) -> String {
    let Choice { family, team, geometry, .. } = choice;
    let team = format!("{team:?}");
    let team = team.split_whitespace().next().unwrap_or_default().to_lowercase();
    let family = match choice.tile {
        true => "tile".to_owned(),
        false => format!("{family:?}").to_lowercase(),
    };
    let (lanes, rows, vectors) = (geometry.lanes, geometry.rows, geometry.vectors);
    format!("{family} {team} {lanes}x{rows}x{vectors}")
}

/// Times of the best score beyond which one look is enough.
const FAR_BEHIND: f64 = 2.0;

/// The candidates of one band.
struct Course<'a, 's, 'g> {
    session: &'s mut Session<'g>,
    batch: &'s Batch<'a>,
    list: List,
    classes: u64,
    /// Times of the built-in choice's passes.
    standing: Vec<f64>,
    /// The best score yet.
    best: f64,
    bound: Vec<(Entry, Vec<Bound>)>,
    looks: Vec<Look>,
}

/// What a candidate is ranked by: the geometric mean of its passes, the worse the more a pass loses
/// to the built-in choice's, beyond what a look errs.
fn score(times: &[f64], standing: &[f64]) -> f64 {
    let ratios = times.iter().zip(standing).map(|(time, standing)| time / standing);
    let worst = ratios.fold(0.0, f64::max);
    geometric_mean(times) * (worst / 1.1).max(1.0)
}

impl Stopwatch for Course<'_, '_, '_> {
    fn time(&mut self, entry: &Entry, runs: usize) -> Result<Option<f64>> {
        let Self { session, batch, list, classes, standing, best, bound, looks } = self;
        let known = bound.iter().position(|(other, _)| other == entry);
        if known.is_none() {
            session.bar.inc(1);
        }
        let index = match known {
            Some(index) => index,
            None => {
                let choice = session.choice(*list, entry, *classes)?;
                session.bar.set_message(format!("{classes} classes, {}", name(&choice)));
                let Some(passes) = session.try_bind(batch, *list, entry, *classes)? else {
                    return Ok(None);
                };
                bound.push((*entry, passes));
                bound.len() - 1
            }
        };
        let passes = &bound[index].1;
        let mut times = session.least_times(passes, 1)?;
        // Whoever is far behind is not looked at again.
        if runs > 1 && score(&times, standing) < FAR_BEHIND * *best {
            let again = session.least_times(passes, runs - 1)?;
            times = times.iter().zip(again).map(|(time, again)| time.min(again)).collect();
        }
        *best = best.min(score(&times, standing));
        let place = looks.iter().position(|look| look.entry == *entry);
        let look = Look::new(*entry, name(&session.choice(*list, entry, *classes)?), &times);
        match place {
            Some(place) => looks[place] = look,
            None => looks.push(look),
        }
        Ok(Some(score(&times, standing)))
    }

    fn neighbours(&self, entry: &Entry) -> Vec<Entry> {
        let found = neighbours(self.list, &self.session.capabilities(), self.classes, entry);
        self.session.bar.inc_length(found.len() as u64);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu_loss::kernel::{Family, Geometry, Team};

    #[test]
    fn losing_a_pass_costs_more_than_winning_another_gains() {
        let standing = [1.0, 1.0];
        assert!(score(&[0.8, 1.0], &standing) < score(&[1.0, 1.0], &standing));
        assert!(score(&[0.6, 1.3], &standing) > score(&[0.9, 1.0], &standing));
    }

    #[test]
    fn choices_have_short_names() {
        let geometry = Geometry { lanes: 256, rows: 1, vectors: 4 };
        let team = Team::Subgroups { smallest: 8 };
        let choice =
            Choice { family: Family::FromState, team, geometry, split: false, tile: false };
        assert_eq!(name(&choice), "fromstate subgroups 256x1x4");
    }
}
