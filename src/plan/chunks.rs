//! Cutting a batch by rows, so that every binding and every dispatch stays within its limit.

use super::Capabilities;
use crate::error::{Error, Result};

/// An operand that is bound from a chunk's first row to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOperand {
    /// Byte offset of row 0 in the buffer.
    pub offset: u64,
    /// Rows that lie side by side, in one block; 1 where each has its own place.
    pub inner: u64,
    /// Bytes from a block to the next.
    pub stride: u64,
    /// Bytes of a block.
    pub bytes: u64,
}

impl RowOperand {
    /// One value, or one run of bytes, for each row.
    pub const fn of_rows(offset: u64, stride: u64, bytes: u64) -> Self {
        Self { offset, inner: 1, stride, bytes }
    }

    fn start(&self, row: u64) -> u64 {
        self.offset + row / self.inner.max(1) * self.stride
    }

    /// Where the binding of a chunk starts: aligned down.
    pub fn binding_offset(&self, first_row: u64, alignment: u64) -> u64 {
        let start = self.start(first_row);
        start - start % alignment
    }

    /// Bytes from the binding's start to the chunk's first block.
    pub fn slack(&self, first_row: u64, alignment: u64) -> u64 {
        self.start(first_row) % alignment
    }

    /// Bytes from the chunk's first block to the end of its last.
    pub fn span(&self, first_row: u64, rows: u64) -> u64 {
        let inner = self.inner.max(1);
        match rows {
            0 => 0,
            rows => {
                let blocks = (first_row + rows - 1) / inner - first_row / inner;
                blocks * self.stride + self.bytes
            }
        }
    }

    /// Rows from `first_row` on that fit in a binding.
    fn rows_in(&self, first_row: u64, capacity: u64, alignment: u64) -> u64 {
        let inner = self.inner.max(1);
        let blocks = match capacity.checked_sub(self.slack(first_row, alignment) + self.bytes) {
            None => return 0,
            Some(_) if self.stride == 0 => return u64::MAX,
            Some(rest) => 1 + rest / self.stride,
        };
        (blocks.saturating_mul(inner)) - first_row % inner
    }
}

/// A run of rows for one dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its first row in the batch.
    pub first_row: u64,
    /// Its rows.
    pub rows: u64,
    /// Workgroups of its dispatch.
    pub workgroups: u32,
}

/// Covers `rows` rows, each exactly once and in order, with chunks of a multiple of
/// `rows_per_workgroup` rows (but for the last).
///
/// # Errors
/// [`Error::Limit`] where not even one row, or one block of rows side by side, fits in a binding.
pub fn row_chunks(
    operation: &'static str,
    capabilities: &Capabilities,
    rows: u64,
    rows_per_workgroup: u64,
    operands: &[RowOperand],
) -> Result<Vec<Chunk>> {
    let capacity = capabilities.max_binding_bytes;
    let alignment = capabilities.storage_alignment;
    let mut chunks = Vec::new();
    let mut first_row = 0;
    while first_row < rows {
        let mut most = u64::from(capabilities.max_workgroups) * rows_per_workgroup;
        for operand in operands {
            let fitting = operand.rows_in(first_row, capacity, alignment);
            if fitting == 0 {
                return Err(Error::Limit {
                    operation,
                    limit: "max_storage_buffer_binding_size",
                    needed: operand.bytes + alignment,
                    available: capacity,
                });
            }
            most = most.min(fitting);
        }
        // Whole workgroups, unless a binding cannot even hold the rows of one.
        if most > rows_per_workgroup {
            most -= most % rows_per_workgroup;
        }
        let taken = most.min(rows - first_row);
        let workgroups = taken.div_ceil(rows_per_workgroup) as u32; // at most max_workgroups
        chunks.push(Chunk { first_row, rows: taken, workgroups });
        first_row += taken;
    }
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use super::super::AdapterClass;
    use super::*;

    fn capabilities() -> Capabilities {
        Capabilities::web_gpu(AdapterClass::Discrete)
    }

    fn check(rows: u64, per_workgroup: u64, operands: &[RowOperand]) -> usize {
        let limits = capabilities();
        let chunks = row_chunks("test", &limits, rows, per_workgroup, operands).unwrap();
        let mut next = 0;
        for chunk in &chunks {
            assert_eq!(chunk.first_row, next, "rows are covered once and in order");
            assert!(chunk.rows > 0 && chunk.workgroups <= limits.max_workgroups);
            assert!(u64::from(chunk.workgroups) * per_workgroup >= chunk.rows);
            for operand in operands {
                let offset = operand.binding_offset(chunk.first_row, limits.storage_alignment);
                assert!(offset.is_multiple_of(limits.storage_alignment));
                let slack = operand.slack(chunk.first_row, limits.storage_alignment);
                let bytes = slack + operand.span(chunk.first_row, chunk.rows);
                assert!(bytes <= limits.max_binding_bytes, "a binding stays within its limit");
            }
            next += chunk.rows;
        }
        assert_eq!(next, rows);
        chunks.len()
    }

    #[test]
    fn one_dispatch_while_everything_fits() {
        let row = RowOperand::of_rows(0, 4000, 4000);
        assert_eq!(check(1, 8, &[row]), 1);
        assert_eq!(check(33_000, 8, &[row]), 1);
        assert_eq!(check(0, 8, &[row]), 0);
    }

    #[test]
    fn cut_at_the_binding_limit() {
        for (offset, stride, bytes) in
            [(0, 4000, 4000), (4, 4000, 4000), (100, 4004, 4000), (0, 4096, 4096), (252, 4096, 4)]
        {
            let row = RowOperand::of_rows(offset, stride, bytes);
            assert!(check(100_000, 8, &[row]) >= 3, "{row:?}");
        }
    }

    #[test]
    fn cut_at_the_number_of_workgroups() {
        let row = RowOperand::of_rows(0, 4, 4);
        assert_eq!(check(65_535, 1, &[row]), 1);
        assert_eq!(check(65_536, 1, &[row]), 2);
        assert_eq!(check(65_535 * 32 + 1, 32, &[row]), 2);
    }

    #[test]
    fn a_row_as_large_as_a_binding() {
        let bytes = capabilities().max_binding_bytes;
        assert_eq!(check(3, 1, &[RowOperand::of_rows(256, bytes, bytes)]), 3);
        let beyond = RowOperand::of_rows(4, bytes, bytes);
        let error = row_chunks("test", &capabilities(), 3, 1, &[beyond]).unwrap_err();
        assert!(matches!(error, Error::Limit { limit: "max_storage_buffer_binding_size", .. }));
    }

    #[test]
    fn rows_side_by_side_are_bound_by_whole_blocks() {
        // 3 blocks of 16 MiB hold 4 Mi rows each; 128 MiB hold all of them, a dispatch does not.
        let block = RowOperand { offset: 0, inner: 1 << 22, stride: 1 << 24, bytes: 1 << 24 };
        assert_eq!(check(3 << 22, 64, &[block]), 4);
        // A chunk that starts inside a block reaches into fewer others.
        let wide = RowOperand { offset: 0, inner: 100, stride: 1 << 26, bytes: 1 << 26 };
        assert_eq!(check(500, 64, &[wide]), 5);
    }

    #[test]
    fn random_operands_are_covered_within_the_limits() {
        let mut seed = 1u64;
        let mut draw = |below: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..2000 {
            let exponent = 1 + draw(20);
            let classes = 1 + draw(1 << exponent);
            let inner = [1, 1, 1, 3, 64, 5000][draw(6) as usize];
            let block = 4 * classes.min((1 << 24) / inner) * inner;
            let operands = [1, 1, inner].map(|inner| RowOperand {
                offset: 4 * draw(100),
                inner,
                stride: block + 4 * draw(9),
                bytes: block,
            });
            let per_workgroup = 1 << draw(6);
            check(1 + draw(300_000), per_workgroup, &operands);
        }
    }
}
