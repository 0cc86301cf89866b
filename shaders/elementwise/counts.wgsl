// What happens beside the terms of a reduction: `begin_terms` before the first, `count4` at every four
// elements, `finish_terms` behind the last, each in uniform control flow.
//
// Counts positives and negatives, as they are and as they are taken for: true positives, false
// positives, true negatives, false negatives.
@group(0) @binding(10) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> counted: array<atomic<u32>, 4>;
var<private> own_counts: vec4<u32>;

fn begin_terms(index: u32) {
    if index == 0u {
        for (var k = 0u; k < 4u; k++) { atomicStore(&counted[k], 0u); }
    }
    workgroupBarrier();
}

// `present` of the four are there. Inputs that are NaN are above nothing.
fn count4(x: vec4<u32>, t: vec4<u32>, weights: vec4<u32>, present: u32) {
    let threshold = bitcast<u32>(parameters.threshold);
    for (var k = 0u; k < present; k++) {
        let is_taken = is_less_bits(threshold, x[k]);
        let is_positive = is_less_bits(0x3f000000u, t[k]);
        let of_kind = select(vec4<u32>(0u, 0u, 1u, 0u), vec4<u32>(0u, 0u, 0u, 1u), is_positive);
        let of_taken = select(vec4<u32>(0u, 1u, 0u, 0u), vec4<u32>(1u, 0u, 0u, 0u), is_positive);
        own_counts += select(select(of_kind, of_taken, is_taken), vec4<u32>(0u), is_zero_bits(weights[k]));
    }
}

fn finish_terms(index: u32) {
    for (var k = 0u; k < 4u; k++) { atomicAdd(&counted[k], own_counts[k]); }
    workgroupBarrier();
    if index < 4u { atomicAdd(&counts[parameters.counts_offset + index], atomicLoad(&counted[index])); }
}
