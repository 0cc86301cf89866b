// Runs of elements, whose losses are the terms. Where there is a gradient it is written as the
// elements come.

// A run, and where its operands start.
struct Run {
    values: u32,
    weights: u32,
    of_run: u32, // the weight of all its values
    targets: u32,
    third: u32,
    third_of_run: u32,
    upstream: u32,
    upstream_of_run: u32,
    gradient: u32,
    third_gradient: u32,
    losses: u32,
    result: u32,
}

fn run_at(outer: u32, at: u32) -> Run {
    let weights = weights_start(outer, at);
    let third = parameters.third_offset + outer * parameters.third_outer + at * parameters.third_inner;
    let upstream = parameters.upstream_offset + outer * parameters.upstream_outer + at * parameters.upstream_inner;
    return Run(
        values_start(outer, at),
        weights,
        weights_of_run(weights),
        parameters.targets_offset + outer * parameters.targets_outer + at * parameters.targets_inner,
        third,
        third_of_run(third),
        upstream,
        upstream_of_run(upstream),
        parameters.gradient_offset + outer * parameters.gradient_outer + at * parameters.gradient_inner,
        parameters.third_gradient_offset + outer * parameters.third_gradient_outer + at * parameters.third_gradient_inner,
        parameters.losses_offset + outer * parameters.losses_outer + at * parameters.losses_inner,
        outer * parameters.result_outer + at * parameters.result_inner,
    );
}

// What stands for four values: their losses.
struct Elements {
    bits: vec4<u32>,
    weights: vec4<u32>,
    results: vec4<u32>,
}

// Four elements from `column` on, of which `present` are there.
fn elements_at(run: Run, column: u32, end: u32, present: u32) -> Elements {
    let x = values_load4(run.values, column, end);
    let t = targets_load4(run.targets, column, end);
    let third = third4(run.third_of_run, run.third, column, end);
    let weights = weights4(run.of_run, run.weights, column, end);
    count4(x, t, weights, present);
    let losses = losses4(x, t, third);
    if HAS_GRADIENT { write_gradients(run, column, end, losses, weights); }
    return Elements(losses.values, weights, vec4<u32>(0u));
}

fn write_gradients(run: Run, column: u32, end: u32, losses: Losses, weights: vec4<u32>) {
    let upstream = upstream4(run.upstream_of_run, run.upstream, column, end);
    let columns = min(vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(end - 1u));
    let factors = factors4(upstream, vec4<u32>(run.result) + columns * parameters.result_step);
    store4(run.gradient, column, end, gradients4(losses.derivatives, weights, factors));
    if HAS_THIRD_GRADIENT {
        third_gradient_store4(run.third_gradient, column, end, gradients4(losses.of_third, weights, factors));
    }
}
