@group(0) @binding(4) var<storage, read_write> results: array<u32>;

fn emit(index: u32, partial: Partial) {
    let words = result_of(partial);
    let at = parameters.output_offset + index * RESULT_WORDS;
    results[at] = words[0];
    if RESULT_WORDS > 1u { results[at + 1u] = words[min(1u, RESULT_WORDS - 1u)]; }
    if RESULT_WORDS > 2u { results[at + 2u] = words[min(2u, RESULT_WORDS - 1u)]; }
    if RESULT_WORDS > 3u { results[at + 3u] = words[min(3u, RESULT_WORDS - 1u)]; }
}
