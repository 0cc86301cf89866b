//! What holds of the dispatches of any call: each row is covered once, each binding is aligned and
//! within its limit, each dispatch within the number of workgroups.

#[path = "../../tests/common/corpus.rs"]
mod corpus;
#[path = "../../tests/common/planned/mod.rs"]
mod planned;

use std::collections::HashMap;

use proptest::prelude::any;
use proptest::test_runner::{Config, TestRunner};

use super::step::Pending;
use crate::kernel::bindings::Slot;
use crate::kernel::parameters::{RowParameters, TotalsParameters};
use crate::kernel::{TotalsKernel, Variant};
use corpus::corpus;
use planned::Planned;

/// Calls that are drawn; each may need kernels of its own.
const CASES: u32 = 1000;

fn check_limits(planned: &Planned) {
    let capabilities = &planned.capabilities;
    for Pending { variant, bound, workgroups, .. } in &*planned.step.pending {
        assert!(*workgroups <= capabilities.max_workgroups, "{variant}: {workgroups}");
        for each in bound {
            let what = || format!("{variant}: {each:?}");
            assert!(each.offset.is_multiple_of(capabilities.storage_alignment), "{}", what());
            assert!(each.bytes > 0 && each.bytes <= capabilities.max_binding_bytes, "{}", what());
            assert!(each.offset + each.bytes <= each.buffer.size(), "{}", what());
            assert!(each.bytes.is_multiple_of(4), "{}", what());
        }
    }
}

/// Rows that follow one another in a kernel's dispatches.
#[derive(Default)]
struct Covered {
    rows: u64,
    workgroups: u64,
    /// Where the first dispatch has an operand's first row, in bytes.
    starts: HashMap<Slot, u64>,
}

impl Covered {
    /// Takes in one more dispatch over some of the rows.
    fn push_rows(&mut self, pending: &Pending) {
        let parameters: RowParameters = bytemuck::pod_read_unaligned(&pending.parameters);
        let Variant::Rows(variant) = pending.variant else {
            self.rows += u64::from(parameters.rows);
            return;
        };
        let inner = u64::from(parameters.inner.max(1));
        let gradient = variant.gradient_element().unwrap_or(variant.element);
        for (slot, offset, stride, element) in [
            (
                Slot::Logits,
                parameters.logits_offset,
                parameters.logits_stride,
                variant.element.bytes(),
            ),
            (
                Slot::Gradient,
                parameters.gradient_offset,
                parameters.gradient_stride,
                gradient.bytes(),
            ),
        ] {
            let Some(bound) = pending.bound.iter().find(|bound| bound.slot == slot) else {
                continue;
            };
            let stride = u64::from(stride) * element as u64;
            if parameters.classes == 0 {
                continue; // no element is looked at
            }
            let start = bound.offset + u64::from(offset) * element as u64;
            let first = *self.starts.entry(slot).or_insert(start);
            let block = (start - first) / stride;
            assert_eq!((start - first) % stride, 0, "{slot:?} starts inside a row");
            let row = block * inner + u64::from(parameters.first_inner);
            assert_eq!(row, self.rows, "{slot:?} of {variant}");
            // And to the end of its last row.
            let last = (u64::from(parameters.first_inner) + u64::from(parameters.rows) - 1) / inner;
            let bytes = last * stride + u64::from(parameters.classes) * inner * element as u64;
            assert!(start + bytes <= bound.offset + bound.bytes, "{slot:?} of {variant}");
        }
        self.rows += u64::from(parameters.rows);
    }

    /// Takes in one more dispatch over tiles of rows.
    fn push_tiles(&mut self, pending: &Pending) {
        let parameters: TotalsParameters = bytemuck::pod_read_unaligned(&pending.parameters);
        assert_eq!(u64::from(parameters.first_row), self.rows, "{}", pending.variant);
        assert_eq!(u64::from(parameters.first_tile), self.workgroups, "{}", pending.variant);
        self.rows += u64::from(parameters.rows);
        self.workgroups += u64::from(pending.workgroups);
    }
}

fn check_rows(planned: &Planned) {
    let Some(rows) = planned.rows else { return };
    let mut kernels: HashMap<Variant, Covered> = HashMap::new();
    for pending in &*planned.step.pending {
        let covered = kernels.entry(pending.variant).or_default();
        match pending.variant {
            Variant::Rows(_) | Variant::Merge(_) | Variant::SoftmaxLoss(_) => {
                covered.push_rows(pending);
            }
            Variant::Totals(totals) => match totals.kernel {
                TotalsKernel::CountTiles { .. } | TotalsKernel::SumTiles { .. } => {
                    covered.push_tiles(pending);
                }
                // Once, over what the tiles gave.
                _ => covered.rows = rows as u64,
            },
            Variant::Reduce(_) => covered.rows = rows as u64,
        }
    }
    for (variant, covered) in kernels {
        assert_eq!(covered.rows, rows as u64, "{variant}");
    }
}

fn check(bytes: &[u8]) -> usize {
    let Some(planned) = planned::check(bytes) else { return 0 };
    check_limits(&planned);
    check_rows(&planned);
    planned.step.dispatches()
}

#[test]
fn any_call_is_refused_or_covers_every_row_within_the_limits() {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let (bound, cut) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let strategy = proptest::collection::vec(any::<u8>(), 160);
    let result = TestRunner::new(config).run(&strategy, |bytes| {
        let dispatches = check(&bytes);
        bound.set(bound.get() + u32::from(dispatches > 0));
        cut.set(cut.get() + u32::from(dispatches > 7));
        Ok(())
    });
    assert!(result.is_ok(), "{result:?}");
    assert!(bound.get() > CASES / 6, "only {} calls were bound", bound.get());
    assert!(cut.get() > CASES / 500, "only {} calls had many dispatches", cut.get());
}

/// What `cargo fuzz run plan` found worth keeping.
#[test]
fn the_corpus_of_calls() {
    let (mut calls, mut bound) = (0, 0);
    for (name, bytes) in corpus("plan") {
        println!("{name}"); // shown where it fails
        bound += usize::from(check(&bytes) > 0);
        calls += 1;
    }
    assert!(calls >= 100 && bound >= 30, "only {bound} of {calls} calls were bound");
}
