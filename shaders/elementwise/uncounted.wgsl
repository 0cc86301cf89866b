// Nothing is counted beside the terms: nothing before the first, at four elements or behind the last.
fn begin_terms(index: u32) {
}

fn count4(x: vec4<u32>, t: vec4<u32>, weights: vec4<u32>, present: u32) {
}

fn finish_terms(index: u32) {
}
