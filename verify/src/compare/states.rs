//! The states of one part of the classes.

use wgpu_loss::partial::PartialState;

use super::argmax::Candidates;
use super::row::{Row, Transform};
use super::tolerance::{SUBNORMAL, Tolerance};
use super::{Comparison, Problem};
use crate::parts::columns;

impl Comparison {
    /// Compares the states of the classes `range` with the oracle's.
    pub(in super::super) fn states(
        &mut self,
        problem: &Problem<'_>,
        range: (usize, usize),
        found: &[PartialState],
        expected: &[PartialState],
    ) {
        let Ok(logits) = columns(problem.logits, range) else { return };
        if !self.same_length("states", found, expected) {
            return;
        }
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let stored = logits.row(i);
            let coefficients = problem.coefficients(i);
            self.state(
                problem,
                i,
                range,
                &stored,
                &coefficients[range.0..range.1],
                found,
                expected,
            );
        }
    }

    #[allow(clippy::too_many_arguments)] // one row of a part, found and expected
    fn state(
        &mut self,
        problem: &Problem<'_>,
        i: usize,
        (first, end): (usize, usize),
        stored: &[f32],
        coefficients: &[f64],
        found: &PartialState,
        expected: &PartialState,
    ) {
        let transform = Transform::of(problem.options);
        let name = |what: &'static str| {
            move || format!("{what} of the state of row {i}, classes {first} to {end}")
        };
        self.equal(&name("flags")(), &found.flags, &expected.flags);
        if problem.options.rows.argmax || problem.options.correct {
            let candidates = Candidates::new(stored, transform, true);
            let is_named = found.argmax as usize >= first
                && candidates.contains(found.argmax as usize - first);
            if !is_named {
                self.equal(&name("argmax")(), &found.argmax, &expected.argmax);
            }
        }
        let Some(row) = Row::of(stored, transform) else {
            // Nothing else has a meaning, but that nothing above -inf is no maximum.
            self.equal(&name("rest")(), &found.rest, &expected.rest);
            if expected.rest == -1.0 {
                self.equal(&name("maximum")(), &found.maximum, &expected.maximum);
            }
            return;
        };
        let leader = transform.rounding(row.maximum);
        let mut distance = Tolerance::EXACT;
        let mut weight = 0.0;
        for (class, coefficient) in coefficients.iter().enumerate() {
            weight += coefficient.abs();
            if row.logits[class].is_finite() {
                let own = Tolerance::of(row.distance(class)).and(row.rounding(class) + leader);
                distance = distance + own * *coefficient;
            }
        }
        // Logits are there as they are, but subnormal ones may be taken for 0.
        let stored_logit = |shift| Tolerance::EXACT.and(SUBNORMAL + shift);
        let maximum = stored_logit(leader);
        let mut values = vec![
            ("maximum", found.maximum, expected.maximum, maximum),
            ("rest", found.rest, expected.rest, row.rest_tolerance()),
            ("weight", found.weight, expected.weight, Tolerance::of(weight)),
        ];
        // Beside an infinite term the finite ones matter to nobody.
        const INFINITE: u32 =
            PartialState::POSITIVE | PartialState::NEGATIVE | PartialState::UNDEFINED;
        if expected.flags & INFINITE == 0 {
            values.push(("distance", found.distance, expected.distance, distance));
        }
        if problem.options.rows.entropy {
            values.push(("spread", found.spread, expected.spread, row.spread_tolerance()));
        }
        if let Some(class) = problem.target(i).and_then(|class| class.checked_sub(first))
            && class < stored.len()
        {
            let own = stored_logit(row.rounding(class));
            values.push(("target logit", found.target_logit, expected.target_logit, own));
        }
        for (what, found, expected, tolerance) in values {
            self.close(found, expected.into(), tolerance, name(what));
        }
    }
}
