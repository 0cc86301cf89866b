// The results that four values of a run belong to.
fn results_of(outer: u32, at: u32, column: u32) -> vec4<u32> {
    if !HAS_TERM { return vec4<u32>(0u); }
    let first = outer * parameters.result_outer + at * parameters.result_inner;
    return vec4<u32>(first) + (vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u)) * parameters.result_step;
}

// A run, and where its values and weights start.
struct Run {
    at: u32,
    values: u32,
    weights: u32,
    of_run: u32, // the weight of all its values
}

fn run_at(outer: u32, at: u32) -> Run {
    let weights = weights_start(outer, at);
    return Run(at, values_start(outer, at), weights, weights_of_run(weights));
}

fn terms_at(span: Span, run: Run, column: u32, present: u32) -> Terms {
    let bits = values_load4(run.values, column, span.end);
    let weights = weights4(run.of_run, run.weights, column, span.end);
    return terms_of(bits, weights, present, results_of(span.outer, run.at, column));
}
