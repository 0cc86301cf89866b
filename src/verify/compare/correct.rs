//! The most likely class of each row, and how many rows are correct.

use super::argmax::Candidates;
use super::row::Transform;
use super::{Comparison, Problem};

/// How many rows may be said to be correct.
#[derive(Default)]
pub(super) struct Correct {
    least: usize,
    most: usize,
    /// By the engine's own argmax.
    own: usize,
}

impl Comparison {
    /// Judges a row's most likely class and counts what it says of its target.
    pub(super) fn most_likely(
        &mut self,
        problem: &Problem<'_>,
        i: usize,
        stored: &[f32],
        transform: Transform,
        argmax: Option<(&[u32], &[u32])>,
        correct: &mut Correct,
    ) {
        let candidates = Candidates::new(stored, transform, problem.merged);
        let target = problem.target(i);
        if let Some((found, expected)) = argmax {
            let (found, expected) = (found[i], expected[i]);
            if found != expected && !candidates.contains(found as usize) {
                self.fail(|| format!("argmax of row {i} is {found}, expected {expected}"));
            }
            correct.own += usize::from(target == Some(found as usize));
        }
        correct.least += usize::from(target.is_some_and(|target| candidates.is_only(target)));
        correct.most += usize::from(target.is_some_and(|target| candidates.contains(target)));
    }

    /// As many as the engine's own argmax says, or as any it might have.
    pub(super) fn correct(
        &mut self,
        found: &Option<usize>,
        expected: &Option<usize>,
        has_argmax: bool,
        correct: &Correct,
    ) {
        let Some((&found, &expected)) = self.both("correct", found, expected) else { return };
        let allowed = match has_argmax {
            true => correct.own..=correct.own,
            false => correct.least..=correct.most,
        };
        if !allowed.contains(&found) {
            self.fail(|| format!("correct is {found}, expected {expected}"));
        }
    }
}
