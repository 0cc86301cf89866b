//! Cutting a reduction into dispatches, so that every binding and every dispatch stays within its
//! limit. Cuts lie between the units of work that kernels take whole, so results do not depend on
//! them.

use crate::error::{Error, Result};
use crate::plan::Capabilities;

/// Axes of a walk from the widest apart to the closest: how many places each has, and how many of
/// them a unit of work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nest {
    /// Places along each axis.
    pub places: [u64; 3],
    /// Places of a unit along each axis.
    pub unit: [u64; 3],
}

/// An operand that is bound from a box's first place to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxedOperand {
    /// Byte offset of the first place in the buffer.
    pub offset: u64,
    /// Bytes from a place to the next along each axis; from a unit to the next where it is one for
    /// each unit.
    pub strides: [u64; 3],
    /// Along which axes it is one for each unit.
    pub per_unit: [bool; 3],
    /// Bytes at a place.
    pub bytes: u64,
}

/// Places of one dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boxed {
    /// First places, each the first of a unit.
    pub first: [u64; 3],
    /// Places behind the last.
    pub end: [u64; 3],
}

impl Boxed {
    /// Units along an axis.
    pub fn units(&self, nest: &Nest, axis: usize) -> u64 {
        (self.end[axis] - self.first[axis]).div_ceil(nest.unit[axis])
    }

    /// Workgroups, one for each unit.
    pub fn workgroups(&self, nest: &Nest) -> u64 {
        (0..3).map(|axis| self.units(nest, axis)).product()
    }

    /// Places along an axis.
    pub fn places(&self, axis: usize) -> u64 {
        self.end[axis] - self.first[axis]
    }
}

impl BoxedOperand {
    /// First byte and byte behind the last in the buffer.
    pub fn range(&self, nest: &Nest, of: &Boxed) -> (u64, u64) {
        let (mut start, mut last) = (self.offset, self.offset);
        for axis in 0..3 {
            let (first, end) = match self.per_unit[axis] {
                true => (
                    of.first[axis] / nest.unit[axis],
                    of.first[axis] / nest.unit[axis] + of.units(nest, axis),
                ),
                false => (of.first[axis], of.end[axis]),
            };
            start += first * self.strides[axis];
            last += (end - 1) * self.strides[axis];
        }
        (start, last + self.bytes)
    }

    /// Bytes of the binding, from where it may start.
    fn bound(&self, nest: &Nest, of: &Boxed, alignment: u64) -> u64 {
        let (start, end) = self.range(nest, of);
        (end - (start - start % alignment)).next_multiple_of(4)
    }
}

/// Covers every place of the nest exactly once, in order.
///
/// # Errors
/// [`Error::Limit`] where not even one unit fits in a binding.
pub fn boxes(
    operation: &'static str,
    capabilities: &Capabilities,
    nest: &Nest,
    operands: &[BoxedOperand],
) -> Result<Vec<Boxed>> {
    let mut found = Vec::new();
    if nest.places.iter().all(|&places| places > 0) {
        let whole = Boxed { first: [0; 3], end: nest.places };
        split(operation, capabilities, nest, operands, whole, 0, &mut found)?;
    }
    Ok(found)
}

fn fits(
    capabilities: &Capabilities,
    nest: &Nest,
    operands: &[BoxedOperand],
    candidate: &Boxed,
) -> bool {
    let alignment = capabilities.storage_alignment;
    candidate.workgroups(nest) <= u64::from(capabilities.max_workgroups)
        && operands.iter().all(|operand| {
            operand.bound(nest, candidate, alignment) <= capabilities.max_binding_bytes
        })
}

fn split(
    operation: &'static str,
    capabilities: &Capabilities,
    nest: &Nest,
    operands: &[BoxedOperand],
    whole: Boxed,
    axis: usize,
    found: &mut Vec<Boxed>,
) -> Result<()> {
    if fits(capabilities, nest, operands, &whole) {
        found.push(whole);
        return Ok(());
    }
    if axis == 3 {
        let alignment = capabilities.storage_alignment;
        let needed = operands.iter().map(|operand| operand.bound(nest, &whole, alignment)).max();
        return Err(Error::Limit {
            operation,
            limit: "max_storage_buffer_binding_size",
            needed: needed.unwrap_or(0),
            available: capabilities.max_binding_bytes,
        });
    }
    let unit = nest.unit[axis];
    let mut first = whole.first[axis];
    while first < whole.end[axis] {
        let of_units = |units: u64| {
            let mut part = whole;
            part.first[axis] = first;
            part.end[axis] = whole.end[axis].min(first + units * unit);
            part
        };
        // The most units that fit, by halving.
        let (mut low, mut high) = (0, (whole.end[axis] - first).div_ceil(unit));
        while low < high {
            let middle = (low + high).div_ceil(2);
            match fits(capabilities, nest, operands, &of_units(middle)) {
                true => low = middle,
                false => high = middle - 1,
            }
        }
        let part = of_units(low.max(1));
        match low {
            0 => split(operation, capabilities, nest, operands, part, axis + 1, found)?,
            _ => found.push(part),
        }
        first = part.end[axis];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::AdapterClass;

    fn check(capabilities: &Capabilities, nest: &Nest, operands: &[BoxedOperand]) -> usize {
        let list = boxes("test", capabilities, nest, operands).unwrap();
        let mut covered = 0;
        for (at, each) in list.iter().enumerate() {
            assert!(fits(capabilities, nest, operands, each));
            for axis in 0..3 {
                assert!(each.first[axis].is_multiple_of(nest.unit[axis]), "whole units");
                let ends = each.end[axis] == nest.places[axis];
                assert!(ends || each.end[axis].is_multiple_of(nest.unit[axis]));
            }
            covered += (0..3).map(|axis| each.places(axis)).product::<u64>();
            for other in &list[..at] {
                let apart = (0..3).any(|axis| {
                    each.first[axis] >= other.end[axis] || other.first[axis] >= each.end[axis]
                });
                assert!(apart, "{each:?} overlaps {other:?}");
            }
        }
        assert_eq!(covered, nest.places.iter().product::<u64>());
        list.len()
    }

    #[test]
    fn one_dispatch_while_everything_fits() {
        let capabilities = Capabilities::web_gpu(AdapterClass::Discrete);
        let nest = Nest { places: [1, 1, 1 << 24], unit: [1, 1, 8192] };
        let values = BoxedOperand { offset: 0, strides: [0, 0, 4], per_unit: [false; 3], bytes: 4 };
        assert_eq!(check(&capabilities, &nest, &[values]), 1);
        let nest = Nest { places: [1, 1, 1 << 26], ..nest };
        assert_eq!(check(&capabilities, &nest, &[values]), 2, "128 MiB a binding");
        let none = Nest { places: [1, 0, 4], ..nest };
        assert_eq!(check(&capabilities, &none, &[values]), 0);
    }

    #[test]
    fn random_nests_are_covered_once_within_the_limits() {
        let mut seed = 7u64;
        let mut draw = |below: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..500 {
            let capabilities = Capabilities {
                max_binding_bytes: 1 << (16 + draw(4)),
                max_workgroups: 256 << draw(3),
                ..Capabilities::web_gpu(AdapterClass::Discrete)
            };
            let exponent = 1 + draw(14);
            let places = [1 + draw(4), 1 + draw(300), 1 + draw(1 << exponent)];
            let unit = [1, 1 << draw(3), [1, 256, 4096][draw(3) as usize]];
            let inner = 4 * (places[2] + draw(5));
            let values = BoxedOperand {
                offset: 4 * draw(100),
                strides: [inner * places[1], inner, 4],
                per_unit: [false; 3],
                bytes: 4,
            };
            let output = BoxedOperand {
                offset: 0,
                strides: [16 * places[1].div_ceil(unit[1]), 16, 0],
                per_unit: [false, true, false],
                bytes: 16,
            };
            let nest = Nest { places, unit };
            if unit[1] * inner + 512 < capabilities.max_binding_bytes {
                check(&capabilities, &nest, &[values, output]);
            }
        }
    }

    #[test]
    fn a_unit_larger_than_a_binding_is_refused() {
        let capabilities = Capabilities::web_gpu(AdapterClass::Discrete);
        let nest = Nest { places: [1, 64, 4], unit: [1, 64, 4] };
        let values =
            BoxedOperand { offset: 0, strides: [0, 1 << 24, 4], per_unit: [false; 3], bytes: 4 };
        let error = boxes("test", &capabilities, &nest, &[values]).unwrap_err();
        assert!(matches!(error, Error::Limit { limit: "max_storage_buffer_binding_size", .. }));
    }
}
