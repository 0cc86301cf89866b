// Where the values and the weights of a run start.
fn values_start(outer: u32, at: u32) -> u32 {
    return parameters.values_offset + outer * parameters.values_outer + at * parameters.values_inner;
}

fn weights_start(outer: u32, at: u32) -> u32 {
    return parameters.weights_offset + outer * parameters.weights_outer + at * parameters.weights_inner;
}
