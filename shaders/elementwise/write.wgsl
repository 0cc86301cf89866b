// Writes the losses of elements, their gradients or both: a run for each team of lanes, a part of a
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
    begin_terms(index);
    let part = group % parameters.parts;
    let unit = group / parameters.parts % parameters.units;
    let outer = group / parameters.parts / parameters.units;
    let at = unit * ROWS + index / LANES;
    if at < parameters.runs {
        let run = run_at(outer, at);
        let first = part * parameters.part_length;
        let end = min(first + parameters.part_length, parameters.length);
        for (var column = first + 4u * (index % LANES); column < end; column += BLOCK) {
            let elements = elements_at(run, column, end, min(end - column, 4u));
            let losses = weighted4(elements.bits, elements.weights);
            if WRITES_LOSSES { results_store4(run.losses, column, end, losses); }
        }
    }
    finish_terms(index);
}

fn weighted4(values: vec4<u32>, weights: vec4<u32>) -> vec4<u32> {
    if !HAS_WEIGHTS { return values; }
    let weighted = multiply4(weights, values);
    if !MASKED { return weighted; }
    return select(weighted, vec4<u32>(0u), (weights & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u));
}
