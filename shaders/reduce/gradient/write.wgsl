// Writes the gradients with respect to values and weights: a run for each team of lanes, a part of a
// long one.
const BLOCK: u32 = 4u * LANES;

@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    run(workgroup.x, index);
}

fn run(group: u32, index: u32) {
    let part = group % parameters.parts;
    let unit = group / parameters.parts % parameters.units;
    let outer = group / parameters.parts / parameters.units;
    let at = unit * ROWS + index / LANES;
    if at >= parameters.runs { return; }
    let of_values = values_start(outer, at);
    let of_weights = weights_start(outer, at);
    let of_run = weights_of_run(of_weights);
    let first = part * parameters.part_length;
    let end = min(first + parameters.part_length, parameters.length);
    let first_result = outer * parameters.result_outer + at * parameters.result_inner;
    for (var column = first + 4u * (index % LANES); column < end; column += BLOCK) {
        var bits = vec4<u32>(0u);
        if READS_VALUES { bits = values_load4(of_values, column, end); }
        let w = weights4(of_run, of_weights, column, end);
        var results: array<u32, 4>;
        for (var k = 0u; k < 4u; k++) {
            // Beyond the end there is no result.
            results[k] = first_result + min(column + k, end - 1u) * parameters.result_step;
        }
        if WRITES_WEIGHT_GRADIENT {
            let start = parameters.weight_gradient_offset + outer * parameters.weight_gradient_outer + at * parameters.weight_gradient_inner;
            let gradient = vec4<u32>(
                weight_gradient_of(bits.x, w.x, results[0]),
                weight_gradient_of(bits.y, w.y, results[1]),
                weight_gradient_of(bits.z, w.z, results[2]),
                weight_gradient_of(bits.w, w.w, results[3]),
            );
            weight_gradient_store4(start, column, end, gradient);
        }
        let gradient = vec4<u32>(
            value_gradient_of(bits.x, w.x, results[0]),
            value_gradient_of(bits.y, w.y, results[1]),
            value_gradient_of(bits.z, w.z, results[2]),
            value_gradient_of(bits.w, w.w, results[3]),
        );
        store4(parameters.gradient_offset + outer * parameters.gradient_outer + at * parameters.gradient_inner, column, end, gradient);
    }
}
