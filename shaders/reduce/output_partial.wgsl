// What is written: partial results that another kernel merges, or results. Each alternative defines
// `emit`, which the first lane of a team calls at the end.
@group(0) @binding(4) var<storage, read_write> partial_results: array<vec4<u32>>;

fn emit(index: u32, partial: Partial) {
    let words = partial_words(partial);
    let at = parameters.output_offset + index * PARTIAL_VECTORS;
    partial_results[at] = words[0];
    if PARTIAL_VECTORS == 2u { partial_results[at + 1u] = words[PARTIAL_VECTORS - 1u]; }
}
