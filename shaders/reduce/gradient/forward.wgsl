// What a gradient is made of: the results of the forward, and the upstream gradient of each.
const NAN: u32 = 0x7fc00000u;

fn forward_word(result: u32, word: u32) -> u32 {
    return forward_results_at(parameters.result_offset + result * FORWARD_WORDS + word);
}

fn upstream_of(result: u32) -> f32 {
    if !HAS_UPSTREAM { return parameters.upstream; }
    return bitcast<f32>(upstream_at(parameters.upstream_offset + result * parameters.upstream_stride));
}
