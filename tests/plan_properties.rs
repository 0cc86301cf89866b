//! How the planner cuts what no dispatch or binding can take: everything is covered once and in
//! order, within every limit, and refused only where a single piece is too large. Needs no adapter.

use proptest::prelude::*;
use wgpu_loss::Error;
use wgpu_loss::plan::reduce::{Boxed, BoxedOperand, Nest, boxes};
use wgpu_loss::plan::{AdapterClass, Capabilities, RowOperand, row_chunks};

/// Limits of small devices as well as of large ones.
fn capabilities() -> impl Strategy<Value = Capabilities> {
    (16u32..=27, 256u32..=65_535, 4u32..=8).prop_map(|(bytes, max_workgroups, alignment)| {
        Capabilities {
            max_binding_bytes: 1 << bytes,
            storage_alignment: 1 << alignment,
            max_workgroups,
            ..Capabilities::web_gpu(AdapterClass::Discrete)
        }
    })
}

/// A number of any magnitude below a power of two.
fn magnitude(bits: u32) -> impl Strategy<Value = u64> {
    (0..=bits).prop_flat_map(|bits| 0u64..1 << bits)
}

/// Blocks of rows side by side, some of which are larger than the smallest binding.
fn row_operand() -> impl Strategy<Value = RowOperand> {
    let inner = prop_oneof![Just(1), 1u64..5000];
    (magnitude(33), inner, magnitude(17), magnitude(8)).prop_map(|(offset, inner, bytes, gap)| {
        let bytes = 4 * (bytes + 1);
        RowOperand { offset: 4 * offset, inner, stride: bytes + 4 * gap, bytes }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rows_are_covered_once(
        capabilities in capabilities(),
        rows in magnitude(18),
        per_workgroup in magnitude(10).prop_map(|rows| rows + 1),
        operands in prop::collection::vec(row_operand(), 1..5),
    ) {
        let limit = capabilities.max_binding_bytes;
        let alignment = capabilities.storage_alignment;
        let chunks = match row_chunks("test", &capabilities, rows, per_workgroup, &operands) {
            Ok(chunks) => chunks,
            Err(Error::Limit { limit: "max_storage_buffer_binding_size", available, .. }) => {
                prop_assert_eq!(available, limit);
                let is_too_large = |operand: &RowOperand| operand.bytes + alignment > limit;
                prop_assert!(operands.iter().any(is_too_large));
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let mut next = 0;
        for chunk in &chunks {
            prop_assert_eq!(chunk.first_row, next);
            prop_assert!(chunk.rows > 0 && chunk.workgroups <= capabilities.max_workgroups);
            prop_assert_eq!(u64::from(chunk.workgroups), chunk.rows.div_ceil(per_workgroup));
            for operand in &operands {
                let offset = operand.binding_offset(chunk.first_row, alignment);
                prop_assert!(offset.is_multiple_of(alignment));
                // From the first byte of the first block to the last of the last, by definition.
                let block = |row: u64| operand.offset + row / operand.inner * operand.stride;
                let last = block(chunk.first_row + chunk.rows - 1) + operand.bytes;
                prop_assert_eq!(offset + operand.slack(chunk.first_row, alignment), block(chunk.first_row));
                prop_assert_eq!(block(chunk.first_row) + operand.span(chunk.first_row, chunk.rows), last);
                prop_assert!(last - offset <= limit);
            }
            next += chunk.rows;
        }
        prop_assert_eq!(next, rows);
    }

    #[test]
    fn places_of_a_reduction_are_covered_once(
        capabilities in capabilities(),
        places in [magnitude(3), magnitude(6), magnitude(12)],
        unit in [Just(1u64).boxed(), magnitude(4).boxed(), magnitude(11).boxed()],
        offset in magnitude(20),
        gaps in [magnitude(4), magnitude(4)],
        bytes in prop_oneof![Just(2u64), Just(4)],
    ) {
        let nest = Nest { places, unit: unit.map(|unit| unit.max(1)) };
        // Values without overlap, and a result for each unit.
        let inner = places[2] * bytes + bytes * gaps[1];
        let strides = [places[1] * inner + bytes * gaps[0], inner, bytes];
        let units = [0, 1, 2].map(|axis| places[axis].div_ceil(nest.unit[axis]));
        let operands = [
            BoxedOperand { offset: bytes * offset, strides, per_unit: [false; 3], bytes },
            BoxedOperand {
                offset: 4 * offset,
                strides: [4 * units[1] * units[2], 4 * units[2], 4],
                per_unit: [true; 3],
                bytes: 4,
            },
        ];
        let found = match boxes("test", &capabilities, &nest, &operands) {
            Ok(found) => found,
            Err(Error::Limit { .. }) => {
                // A unit alone is what no cut makes smaller.
                let first = Boxed {
                    first: [0; 3],
                    end: [0, 1, 2].map(|axis| nest.unit[axis].min(places[axis])),
                };
                let (start, end) = operands[0].range(&nest, &first);
                let slack = capabilities.storage_alignment + 4;
                prop_assert!(end - start + slack > capabilities.max_binding_bytes);
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let mut covered = 0;
        for (index, each) in found.iter().enumerate() {
            prop_assert!(each.workgroups(&nest) <= u64::from(capabilities.max_workgroups));
            for (axis, &places) in places.iter().enumerate() {
                prop_assert!(each.first[axis] < each.end[axis] && each.end[axis] <= places);
                prop_assert!(each.first[axis].is_multiple_of(nest.unit[axis]));
                let is_whole = each.end[axis].is_multiple_of(nest.unit[axis]);
                prop_assert!(is_whole || each.end[axis] == places);
            }
            for operand in &operands {
                let (start, end) = operand.range(&nest, each);
                let aligned = start - start % capabilities.storage_alignment;
                prop_assert!(end - aligned <= capabilities.max_binding_bytes);
            }
            // Of as many places as there are, none twice.
            for other in &found[..index.min(50)] {
                let overlap = (0..3).all(|axis| {
                    each.first[axis] < other.end[axis] && other.first[axis] < each.end[axis]
                });
                prop_assert!(!overlap, "{:?} and {:?}", each, other);
            }
            covered += (0..3).map(|axis| each.places(axis)).product::<u64>();
        }
        prop_assert_eq!(covered, places.iter().product::<u64>());
    }
}
