//! Successive halving: a short look at every candidate, then at the neighbours of the best, then a
//! longer one at the few that are left.

use wgpu_loss::plan::Entry;

use super::candidates::same;
use crate::failure::Result;

/// How hard is looked.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Candidates whose neighbours compete too.
    pub explored: usize,
    /// How often that is repeated.
    pub steps: usize,
    /// Runs of a first look.
    pub looks: usize,
    /// Candidates that are measured again.
    pub finalists: usize,
    /// Runs of those.
    pub runs: usize,
}

/// Takes a look.
pub trait Stopwatch {
    /// Seconds of some runs of a candidate; `None` where it is out of the race.
    ///
    /// # Errors
    /// What ends the search.
    fn time(&mut self, entry: &Entry, runs: usize) -> Result<Option<f64>>;

    /// The geometries next to one.
    fn neighbours(&self, entry: &Entry) -> Vec<Entry>;
}

/// The candidates in the order of their times, the fastest first.
pub fn search(
    candidates: Vec<Entry>,
    effort: Effort,
    stopwatch: &mut dyn Stopwatch,
) -> Result<Vec<(Entry, f64)>> {
    let mut seen: Vec<Entry> = Vec::new();
    let mut ranked: Vec<(Entry, f64)> = Vec::new();
    let mut next = candidates;
    for _ in 0..=effort.steps {
        for entry in std::mem::take(&mut next) {
            if seen.iter().any(|other| same(other, &entry)) {
                continue;
            }
            seen.push(entry);
            if let Some(seconds) = stopwatch.time(&entry, effort.looks)? {
                ranked.push((entry, seconds));
            }
        }
        rank(&mut ranked);
        let best = ranked.iter().take(effort.explored);
        next = best.flat_map(|(entry, _)| stopwatch.neighbours(entry)).collect();
    }
    let count = effort.finalists.min(ranked.len());
    let finalists = &mut ranked[..count];
    for (entry, seconds) in finalists.iter_mut() {
        *seconds = stopwatch.time(entry, effort.runs)?.unwrap_or(f64::INFINITY);
    }
    rank(finalists);
    Ok(ranked)
}

fn rank(them: &mut [(Entry, f64)]) {
    them.sort_by(|a, b| a.1.total_cmp(&b.1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu_loss::kernel::{Family, Geometry, Team};

    fn entry(rows: u32) -> Entry {
        let geometry = Geometry { lanes: 1, rows, vectors: 1 };
        Entry { up_to_classes: 4, family: Family::Team, team: Team::Lane, geometry }
    }

    /// The more rows the slower, with a first look that lies about some.
    struct Course {
        lies: Vec<u32>,
        looks: Vec<(u32, usize)>,
    }

    impl Stopwatch for Course {
        fn time(&mut self, entry: &Entry, runs: usize) -> Result<Option<f64>> {
            let rows = entry.geometry.rows;
            self.looks.push((rows, runs));
            let lies = runs == 1 && self.lies.contains(&rows);
            Ok((rows != 7).then_some(if lies { 0.5 } else { rows.into() }))
        }

        fn neighbours(&self, near: &Entry) -> Vec<Entry> {
            let rows = near.geometry.rows;
            [rows - 1, rows + 1].into_iter().filter(|rows| *rows > 1).map(entry).collect()
        }
    }

    #[test]
    fn neighbours_lead_to_the_best_and_nothing_is_looked_at_twice_in_a_round() {
        let mut course = Course { lies: vec![30], looks: Vec::new() };
        let effort = Effort { explored: 2, steps: 3, looks: 1, finalists: 3, runs: 5 };
        let found = search(vec![entry(6), entry(30), entry(7), entry(6)], effort, &mut course);
        let found: Vec<_> = found.unwrap().iter().map(|(entry, _)| entry.geometry.rows).collect();
        assert_eq!(found[0], 3);
        assert!(!found.contains(&7), "out of the race");
        let short = course.looks.iter().filter(|(_, runs)| *runs == 1).count();
        let mut distinct: Vec<_> =
            course.looks.iter().filter(|(_, runs)| *runs == 1).map(|(rows, _)| rows).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(short, distinct.len());
        assert_eq!(course.looks.iter().filter(|(_, runs)| *runs == 5).count(), 3);
    }

    #[test]
    fn nothing_to_look_at_is_no_failure() {
        let mut course = Course { lies: vec![], looks: Vec::new() };
        let effort = Effort { explored: 2, steps: 1, looks: 1, finalists: 3, runs: 5 };
        assert!(
            search(vec![entry(7)], effort, &mut course).unwrap().iter().all(|(_, it)| *it > 7.0)
        );
        assert!(search(vec![], effort, &mut course).unwrap().is_empty());
    }
}
