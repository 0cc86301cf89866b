// What a reduction over runs takes from them; here their values. Each alternative defines
//   Run, run_at            a run, and where its operands start: once for each
//   Elements, elements_at  what stands for four values, their weights, and the results that they
//                          belong to, where `terms_of` asks: at every four values
struct Run {
    values: u32,
    weights: u32,
    of_run: u32, // the weight of all its values
    result: u32,
}

fn run_at(outer: u32, at: u32) -> Run {
    let weights = weights_start(outer, at);
    return Run(
        values_start(outer, at),
        weights,
        weights_of_run(weights),
        outer * parameters.result_outer + at * parameters.result_inner,
    );
}

struct Elements {
    bits: vec4<u32>,
    weights: vec4<u32>,
    results: vec4<u32>,
}

fn elements_at(run: Run, column: u32, end: u32, present: u32) -> Elements {
    let columns = vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u);
    return Elements(
        values_load4(run.values, column, end),
        weights4(run.of_run, run.weights, column, end),
        vec4<u32>(run.result) + columns * parameters.result_step,
    );
}
