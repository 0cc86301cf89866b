//! Spreads a reduction over threads: each result from pieces of a fixed size, merged in their order,
//! so that the same input gives the same bits on any number of threads.

use std::ops::Range;

use super::derivative::Derivative;
use super::kind::Kind;
use super::operands::Operands;
use super::outputs::Outputs;
use super::tile::{STRIP, across, along, of_nothing};
use super::view::Orientation;
use crate::axis::Axis;
use crate::cpu::fast::scratch::{Scratch, with_scratch};
use crate::cpu::fast::split::for_rows;
use crate::cpu::oracle::reduce::{Sum, Summary};
use crate::error::Result;
use crate::logits::Shape;
use crate::memory::filled;
use crate::ops::reduce::Reduce;
use crate::ops::reduce::validate::OPERATION;

/// Values of a piece of one result: few enough for the fastest caches.
pub(super) const PIECE: usize = 1 << 14;

/// Values of a piece of results side by side: so many that merging them costs little.
const TILE: usize = 1 << 16;

/// Which values make up a result.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    /// Those of a line.
    Along,
    /// Those at the same place of each line.
    Across,
    All,
}

/// Results of some values.
pub(super) struct Job<'a> {
    operands: &'a Operands<'a>,
    options: &'a Reduce,
    direction: Direction,
    lines: Range<usize>,
    places: Range<usize>,
}

impl<'a> Job<'a> {
    /// Along an axis.
    pub(super) fn new(operands: &'a Operands<'a>, options: &'a Reduce, axis: Axis) -> Self {
        let direction = match (axis, operands.values.orientation) {
            (Axis::All, _) => Direction::All,
            (Axis::EachRow, Orientation::Rows) | (Axis::EachColumn, Orientation::Columns) => {
                Direction::Along
            }
            _ => Direction::Across,
        };
        let (lines, places) = (0..operands.lines(), 0..operands.length());
        Self { operands, options, direction, lines, places }
    }

    /// Each column of some rows.
    pub(super) fn of_rows(
        operands: &'a Operands<'a>,
        options: &'a Reduce,
        rows: Range<usize>,
    ) -> Self {
        let all = Self::new(operands, options, Axis::EachColumn);
        match operands.values.orientation {
            Orientation::Rows => Self { lines: rows, ..all },
            Orientation::Columns => Self { places: rows, ..all },
        }
    }

    fn results(&self) -> usize {
        match self.direction {
            Direction::Along => self.lines.len(),
            Direction::Across => self.places.len(),
            Direction::All => 1,
        }
    }

    /// Lines of a piece.
    fn piece_lines(&self) -> usize {
        let width = self.piece_width();
        match self.direction {
            Direction::Along => 1,
            Direction::Across => TILE / width,
            Direction::All => (PIECE / width).max(1),
        }
    }

    /// Places of a piece.
    fn piece_width(&self) -> usize {
        let most = if self.direction == Direction::Across { STRIP } else { PIECE };
        self.places.len().clamp(1, most)
    }

    /// Pieces of a result, at least one: by lines, and by places.
    fn piece_counts(&self) -> (usize, usize) {
        let by_lines = self.lines.len().div_ceil(self.piece_lines()).max(1);
        let by_places = self.places.len().div_ceil(self.piece_width()).max(1);
        match self.direction {
            Direction::Along => (1, by_places),
            Direction::Across => (by_lines, 1),
            Direction::All => (by_lines, by_places),
        }
    }

    /// Whether each result is computed at once.
    pub(super) fn is_short(&self) -> bool {
        self.piece_counts() == (1, 1)
    }

    /// Values of a result.
    fn count(&self) -> usize {
        match self.direction {
            Direction::Along => self.places.len(),
            Direction::Across => self.lines.len(),
            Direction::All => self.lines.len() * self.places.len(),
        }
    }

    /// Calls with the state of a piece of each of some results.
    fn states<K: Kind>(
        &self,
        piece: usize,
        results: Range<usize>,
        scratch: &mut Scratch,
        mut emit: impl FnMut(usize, K::State),
    ) {
        let part = |of: &Range<usize>, index: usize, size: usize| {
            let start = of.start + index * size;
            start.min(of.end)..(start + size).min(of.end)
        };
        match self.direction {
            Direction::Along => {
                let places = part(&self.places, piece, self.piece_width());
                for result in results {
                    let line = self.lines.start + result;
                    let tile = self.operands.tile(line..line + 1, places.clone(), scratch);
                    emit(result, along::<K>(&tile));
                }
            }
            Direction::Across => {
                let lines = part(&self.lines, piece, self.piece_lines());
                let mut next = results.start;
                while next < results.end {
                    let place = self.places.start + next;
                    let width = self.strip_width(place).min(results.end - next);
                    let tile = self.operands.tile(lines.clone(), place..place + width, scratch);
                    across::<K>(&tile, |index, state| emit(next + index, state));
                    next += width;
                }
            }
            Direction::All => {
                let (_, by_places) = self.piece_counts();
                let lines = part(&self.lines, piece / by_places, self.piece_lines());
                let places = part(&self.places, piece % by_places, self.piece_width());
                let tile = self.operands.tile(lines, places, scratch);
                emit(0, along::<K>(&tile));
            }
        }
    }

    /// How many results side by side are computed together: those that are so in memory, if that
    /// are some.
    fn strip_width(&self, place: usize) -> usize {
        const FEW: usize = 16;
        match self.operands.contiguous() {
            contiguous if contiguous >= FEW => STRIP.min(contiguous - place % contiguous),
            _ => STRIP,
        }
    }

    /// From the state of all its values.
    fn summary<K: Kind>(&self, result: usize, state: K::State) -> Summary {
        let found = K::finish(state, self.count(), self.options);
        let derivative = self.operands.derivative;
        match found {
            Some(summary) if derivative.is_none() || summary.value.is_finite() => summary,
            _ => self.look_closely(result, derivative),
        }
    }

    /// What only the definition gets right, in double precision.
    #[cold]
    fn look_closely(&self, result: usize, derivative: Option<&Derivative<'_>>) -> Summary {
        let one = |of: &Range<usize>| of.start + result..of.start + result + 1;
        let (lines, places) = match self.direction {
            Direction::Along => (one(&self.lines), self.places.clone()),
            Direction::Across => (self.lines.clone(), one(&self.places)),
            Direction::All => (self.lines.clone(), self.places.clone()),
        };
        let Some(derivative) = derivative else {
            return Summary::of(self.operands.terms(lines, places), self.options);
        };
        let orientation = self.operands.values.orientation;
        let mut sum = Sum::default();
        for line in lines {
            let coefficients = derivative.of_line(orientation, line, places.clone());
            let terms = self.operands.terms(line..line + 1, places.clone());
            for (place, term) in terms.enumerate() {
                sum.add(derivative.exact(term, coefficients, place));
            }
        }
        Summary::of_value(sum.total())
    }

    /// Some results, each computed at once.
    pub(super) fn write_short<K: Kind>(
        &self,
        results: Range<usize>,
        offset: usize,
        outputs: &mut Outputs<'_>,
    ) {
        let start = results.start;
        with_scratch(|scratch| {
            self.states::<K>(0, results, scratch, |result, state| {
                outputs.write(offset + result - start, &self.summary::<K>(result, state));
            });
        });
    }

    /// All results.
    pub(super) fn write<K: Kind>(&self, outputs: Outputs<'_>) -> Result<()> {
        let results = self.results();
        let (by_lines, by_places) = self.piece_counts();
        let pieces = by_lines * by_places;
        let count = self.count();
        if pieces == 1 {
            let of_results = Shape::new(results, count);
            for_rows(0..results, of_results, outputs, &|part, mut outputs| {
                self.write_short::<K>(part, 0, &mut outputs);
            });
            return Ok(());
        }
        let empty = of_nothing::<K>();
        let mut states = filled(OPERATION, empty, pieces * results)?;
        let of_states = Shape::new(states.len(), count.div_ceil(pieces));
        for_rows(0..states.len(), of_states, states.as_mut_slice(), &|part, states| {
            with_scratch(|scratch| {
                let mut next = part.start;
                while next < part.end {
                    let (piece, first) = (next / results, next % results);
                    let end = results.min(first + part.end - next);
                    self.states::<K>(piece, first..end, scratch, |result, state| {
                        states[piece * results + result - part.start] = state;
                    });
                    next += end - first;
                }
            });
        });
        let of_results = Shape::new(results, pieces);
        for_rows(0..results, of_results, outputs, &|part, mut outputs| {
            for result in part.clone() {
                let of_result = states.iter().skip(result).step_by(results).copied();
                let state = of_result.reduce(K::merge).unwrap_or(empty);
                outputs.write(result - part.start, &self.summary::<K>(result, state));
            }
        });
        Ok(())
    }
}
