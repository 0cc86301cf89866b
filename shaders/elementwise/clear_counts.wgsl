// Counts start from 0.
@group(0) @binding(10) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) index: u32) {
    counts[parameters.counts_offset + index] = 0u;
}
