// Nothing is counted beside the terms.
fn begin_terms(index: u32) {
}

fn finish_terms(index: u32) {
}
