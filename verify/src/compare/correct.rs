//! The most likely class of each row, the target's rank, and how many rows are correct.

use super::argmax::Candidates;
use super::row::Transform;
use super::row_values::RowResults;
use super::target_rank::Ranks;
use super::{Comparison, Problem};

/// How many rows may be said to be correct.
#[derive(Default)]
pub(super) struct Correct {
    least: usize,
    most: usize,
    /// By the engine's own argmax or rank.
    own: usize,
}

impl Comparison {
    /// Judges a row's most likely class and its target's rank, and counts what they say of its target.
    pub(super) fn order_of_row(
        &mut self,
        problem: &Problem<'_>,
        i: usize,
        stored: &[f32],
        transform: Transform,
        results: &RowResults<'_>,
        correct: &mut Correct,
    ) {
        let ranks_target = problem.options.ranks_target();
        let candidates = Candidates::new(stored, transform, problem.merged);
        let target = problem.target(i);
        if let Some((found, expected)) = results.argmax {
            let (found, expected) = (found[i], expected[i]);
            if found != expected && !candidates.contains(found as usize) {
                self.fail(|| format!("argmax of row {i} is {found}, expected {expected}"));
            }
            correct.own += usize::from(!ranks_target && target == Some(found as usize));
        }
        if !ranks_target {
            correct.least += usize::from(target.is_some_and(|target| candidates.is_only(target)));
            correct.most += usize::from(target.is_some_and(|target| candidates.contains(target)));
            return;
        }
        let ranks = Ranks::new(stored, transform, target);
        let top_k = problem.options.top_k as usize;
        correct.least += usize::from(ranks.most < top_k);
        correct.most += usize::from(ranks.least < top_k);
        if let Some((found, expected)) = results.target_rank {
            let (found, expected) = (found[i], expected[i]);
            if !(ranks.least..=ranks.most).contains(&(found as usize)) {
                self.fail(|| format!("target rank of row {i} is {found}, expected {expected}"));
            }
            correct.own += usize::from((found as usize) < top_k);
        }
    }

    /// As many as the engine's own argmax or rank says, or as any it might have.
    pub(super) fn correct(
        &mut self,
        problem: &Problem<'_>,
        found: &Option<usize>,
        expected: &Option<usize>,
        results: &RowResults<'_>,
        correct: &Correct,
    ) {
        let Some((&found, &expected)) = self.both("correct", found, expected) else { return };
        let is_told = match problem.options.ranks_target() {
            true => results.target_rank.is_some(),
            false => results.argmax.is_some(),
        };
        let allowed = match is_told {
            true => correct.own..=correct.own,
            false => correct.least..=correct.most,
        };
        if !allowed.contains(&found) {
            self.fail(|| format!("correct is {found}, expected {expected}"));
        }
    }
}
