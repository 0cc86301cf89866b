fn upstream_of_run_at(start: u32) -> u32 {
    return upstream_of_run(start);
}

fn write_gradients(run: Run, column: u32, end: u32, losses: Losses, weights: vec4<u32>) {
    let upstream = upstream4(run.upstream_of_run, run.upstream, column, end);
    let columns = min(vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(end - 1u));
    let factors = factors4(upstream, vec4<u32>(run.result) + columns * parameters.result_step);
    store4(run.gradient, column, end, gradients4(losses.derivatives, weights, factors));
    write_third_gradient(run.third_gradient, column, end, losses.of_third, weights, factors);
}
