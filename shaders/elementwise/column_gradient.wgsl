fn write_gradients(column: Column, rows: vec4<u32>, present: u32, losses: Losses, weights: vec4<u32>) {
    var upstream: vec4<u32>;
    for (var k = 0u; k < 4u; k++) { upstream[k] = upstream1(column.upstream + rows[k] * parameters.upstream_inner); }
    let factors = factors4(upstream, vec4<u32>(column.result) + rows * parameters.result_inner);
    let gradients = gradients4(losses.derivatives, weights, factors);
    store_apart(vec4<u32>(column.gradient) + rows * parameters.gradient_inner, present, gradients);
    write_third_gradient(column, rows, present, gradients4(losses.of_third, weights, factors));
}
