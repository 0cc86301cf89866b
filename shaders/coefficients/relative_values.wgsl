// The upstream gradient less the one that the lane, and in the end the row, measures it from.

// Orders numbers by magnitude, then by sign, so that the lanes of a row agree on one.
fn upstream_rank(values: vec4<f32>) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(values);
    return (bits << vec4<u32>(1u)) | (bits >> vec4<u32>(31u));
}

// The ranks of infinities and NaN, relative to which nothing is anything, and this one are no number's.
const NO_VALUE: u32 = 0xffffffffu;

fn upstream_reference() -> f32 {
    return bitcast<f32>(select((smallest >> 1u) | (smallest << 31u), 0u, smallest >= 0xff000000u));
}

fn upstream_see(values: vec4<f32>, inside: vec4<bool>) {
    let ranks = select(vec4<u32>(NO_VALUE), upstream_rank(values), inside);
    smallest = min(smallest, min(min(ranks.x, ranks.y), min(ranks.z, ranks.w)));
}

// 0 beyond the row's end.
fn relative_values4(place: Place, column: u32, end: u32) -> vec4<f32> {
    let columns = columns4(column);
    return select(vec4<f32>(0.0), values4(place, column, end) - upstream_reference(), columns < vec4<u32>(end));
}
