//! All elements, in blocks on all threads: one read of each operand and one write of each result.

use std::cell::Cell;
use std::ops::Range;

use super::counts::{Counts, count};
use super::kernel::{Kernel, Operands, Results};
use super::lines::Source;
use super::plan::{BLOCK, Plan};
use crate::cpu::fast::matrix::{Holds, MUCH, store_row};
use crate::cpu::fast::scratch::room;
use crate::cpu::fast::split::{Split, for_rows};
use crate::cpu::fast::stream;
use crate::element::{Element, Float};
use crate::error::Result;
use crate::logits::Shape;
use crate::memory::zeros;

/// Operands in the order of elements.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) input: Source<'a>,
    pub(super) target: Option<Source<'a>>,
    pub(super) third: Option<Source<'a>>,
    pub(super) weights: Option<Source<'a>>,
    /// What the gradient is multiplied by, beside the weights and `scale`.
    pub(super) factors: Option<Source<'a>>,
    pub(super) scale: f32,
}

impl<'a> Sources<'a> {
    pub(super) fn of_input(input: Source<'a>) -> Self {
        Self { input, target: None, third: None, weights: None, factors: None, scale: 1.0 }
    }
}

/// The results of one element in double precision.
pub(super) struct Exact {
    /// The weighted loss.
    pub(super) value: f64,
    pub(super) gradient: f64,
    pub(super) of_variance: f64,
}

/// What is computed.
pub(super) struct Walk<'a> {
    pub(super) plan: Plan,
    pub(super) sources: Sources<'a>,
    pub(super) kernel: &'a dyn Kernel,
    /// An element whose operands or results single precision does not hold.
    pub(super) exact: &'a (dyn Fn(usize) -> Exact + Sync),
    /// Above which inputs are positive, and the numbers of them.
    pub(super) counts: Option<(f32, &'a Counts)>,
}

/// Where results go, each with a value for each element.
pub(super) struct Places<'a, G> {
    /// Weighted losses.
    pub(super) values: Option<&'a mut [f32]>,
    pub(super) gradient: Option<(&'a mut [G], Holds)>,
    /// With respect to the variance; not without the gradient.
    pub(super) of_variance: Option<&'a mut [G]>,
}

impl<G: Float> Places<'_, G> {
    pub(super) const NONE: Self = Self { values: None, gradient: None, of_variance: None };
}

/// The same of consecutive parts, with their sums.
struct Parts<'a, G> {
    plan: &'a Plan,
    first: usize,
    sums: &'a mut [f64],
    values: Option<&'a mut [f32]>,
    gradient: Option<&'a mut [G]>,
    of_variance: Option<&'a mut [G]>,
}

impl<G: Float> Split for Parts<'_, G> {
    fn split(self, parts: usize) -> (Self, Self) {
        let Self { plan, first, sums, values, gradient, of_variance } = self;
        let middle = first + parts;
        let elements = plan.start(middle) - plan.start(first);
        let (sums, sums_right) = sums.split_at_mut(parts * plan.sums_of_part());
        let (values, values_right) = values.split(elements);
        let (gradient, gradient_right) = gradient.split(elements);
        let (of_variance, of_variance_right) = of_variance.split(elements);
        let left = Self { plan, first, sums, values, gradient, of_variance };
        let right = Self {
            plan,
            first: middle,
            sums: sums_right,
            values: values_right,
            gradient: gradient_right,
            of_variance: of_variance_right,
        };
        (left, right)
    }
}

/// A thread's memory for blocks that are not so in the caller's.
#[derive(Default)]
struct Rooms {
    operands: [Vec<f32>; 5],
    results: Vec<f32>,
}

thread_local! {
    static ROOMS: Cell<Rooms> = Cell::default();
}

impl Walk<'_> {
    /// Computes all elements; returns the sums of the results.
    pub(super) fn run<G: Float>(
        &self,
        operation: &'static str,
        places: Places<'_, G>,
        results: usize,
    ) -> Result<Vec<f64>> {
        let plan = &self.plan;
        if plan.lines.elements() == 0 {
            return zeros(operation, results);
        }
        let is_streamed = places.gradient.as_ref().is_some_and(|(values, holds)| {
            let is_much = size_of_val(*values) >= MUCH;
            *holds == Holds::Anything && is_much && G::ELEMENT == Element::F32
        });
        let mut sums = zeros(operation, plan.parts() * plan.sums_of_part())?;
        let parts = Parts {
            plan,
            first: 0,
            sums: &mut sums,
            values: places.values,
            gradient: places.gradient.map(|(values, _)| values),
            of_variance: places.of_variance,
        };
        let shape = Shape::new(plan.parts(), plan.elements_of_part());
        for_rows(0..plan.parts(), shape, parts, &|range, parts| {
            let mut rooms = ROOMS.take();
            self.compute(range, parts, &mut rooms, is_streamed);
            ROOMS.set(rooms);
        });
        plan.merge(operation, &sums, results)
    }

    fn compute<G: Float>(
        &self,
        range: Range<usize>,
        mut places: Parts<'_, G>,
        rooms: &mut Rooms,
        is_streamed: bool,
    ) {
        let plan = &self.plan;
        let (start, first) = (plan.start(range.start), range.start);
        plan.for_blocks(range, |parts, block| {
            let offset = block.start - start;
            let count = block.len();
            let per_part = plan.sums_of_part();
            let sums = parts.start - first..parts.end - first;
            let sums = &mut places.sums[sums.start * per_part..sums.end * per_part];
            let block_places = BlockPlaces {
                start: block.start - plan.start(parts.start),
                sums,
                values: places.values.as_mut().map(|values| &mut values[offset..][..count]),
                gradient: places.gradient.as_mut().map(|values| &mut values[offset..][..count]),
                of_variance: places.of_variance.as_mut().map(|to| &mut to[offset..][..count]),
                is_streamed,
            };
            self.block(block, block_places, rooms);
        });
        if is_streamed {
            stream::finish();
        }
    }

    fn block<G: Float>(&self, block: Range<usize>, places: BlockPlaces<'_, G>, rooms: &mut Rooms) {
        let Sources { input, target, third, weights, factors, scale } = self.sources;
        let [of_input, of_target, of_third, of_weights, of_factors] = &mut rooms.operands;
        let input = input.read(block.clone(), of_input);
        let operands = Operands {
            input,
            target: target.map_or(input, |target| target.read(block.clone(), of_target)),
            third: third.map(|third| third.read(block.clone(), of_third)),
            weights: weights.map(|weights| weights.read(block.clone(), of_weights)),
            factors: factors.map(|factors| factors.read(block.clone(), of_factors)),
            scale,
        };
        let BlockPlaces { start, sums, values, gradient, of_variance, is_streamed } = places;
        let count = block.len();
        let rooms = room(&mut rooms.results, 3 * BLOCK.max(count));
        let (of_values, rooms) = rooms.split_at_mut(count);
        let (of_gradient, rooms) = rooms.split_at_mut(count);
        let keeps_values = values.is_some();
        let mut place = gradient.map(|place| Place::new(place, of_gradient, is_streamed));
        let mut variance_place = of_variance.map(|to| Place::new(to, &mut rooms[..count], false));
        let mut results = Results {
            values: values.unwrap_or(of_values),
            gradient: place.as_mut().map(Place::room),
            of_variance: variance_place.as_mut().map(Place::room),
        };
        let is_finite = self.kernel.compute(operands, results.reborrow());
        if !is_finite {
            self.look_closely(block.start, operands, &mut results, |index, value| {
                self.plan.add_one(start, index, value, sums);
                if keeps_values { value as f32 } else { 0.0 }
            });
        }
        if let Some((threshold, counts)) = self.counts {
            counts.add(&count_of(operands, threshold));
        }
        self.plan.add(start, results.values, sums);
        if let Some(place) = place {
            place.finish();
        }
        if let Some(place) = variance_place {
            place.finish();
        }
    }

    /// Whatever single precision does not hold, from the definition; `emit` turns each such loss
    /// into what stands in its place.
    #[cold]
    fn look_closely(
        &self,
        first: usize,
        operands: Operands<'_>,
        results: &mut Results<'_>,
        mut emit: impl FnMut(usize, f64) -> f32,
    ) {
        let Operands { input, target, third, weights, factors, .. } = operands;
        for index in 0..input.len() {
            let is_held = |values: Option<&[f32]>| values.is_none_or(|it| it[index].is_finite());
            let of_operands = is_held(Some(input)) && is_held(Some(target)) && is_held(third);
            let of_operands = of_operands && is_held(weights) && is_held(factors);
            let Results { values, gradient, of_variance } = results;
            let of_results = is_held(Some(values)) && is_held(gradient.as_deref());
            if of_operands && of_results && is_held(of_variance.as_deref()) {
                continue;
            }
            let exact = (self.exact)(first + index);
            values[index] = emit(index, exact.value);
            if let Some(gradient) = gradient {
                gradient[index] = exact.gradient as f32;
            }
            if let Some(of_variance) = of_variance {
                of_variance[index] = exact.of_variance as f32;
            }
        }
    }
}

fn count_of(operands: Operands<'_>, threshold: f32) -> [u64; 4] {
    count(operands.input, operands.target, operands.weights, threshold)
}

/// Where a block's results go.
struct BlockPlaces<'a, G> {
    /// Counted from the first element of the part.
    start: usize,
    sums: &'a mut [f64],
    values: Option<&'a mut [f32]>,
    gradient: Option<&'a mut [G]>,
    of_variance: Option<&'a mut [G]>,
    is_streamed: bool,
}

/// Where a gradient is computed, and where it goes if that is another place.
struct Place<'a, G> {
    room: &'a mut [f32],
    to: Option<&'a mut [G]>,
    is_streamed: bool,
}

impl<'a, G: Float> Place<'a, G> {
    fn new(to: &'a mut [G], scratch: &'a mut [f32], is_streamed: bool) -> Self {
        match G::ELEMENT {
            Element::F32 if !is_streamed => {
                Self { room: bytemuck::cast_slice_mut(to), to: None, is_streamed }
            }
            _ => Self { room: scratch, to: Some(to), is_streamed },
        }
    }

    fn room(&mut self) -> &mut [f32] {
        self.room
    }

    fn finish(self) {
        if let Some(to) = self.to {
            store_row(self.room, to, self.is_streamed);
        }
    }
}
