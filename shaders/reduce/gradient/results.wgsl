// The results of a forward, and the upstream gradient of each.
@group(0) @binding(5) var<storage, read> forward_results: array<u32>;

const NAN: u32 = 0x7fc00000u;

fn forward_word(result: u32, word: u32) -> u32 {
    return forward_results[parameters.result_offset + result * FORWARD_WORDS + word];
}
