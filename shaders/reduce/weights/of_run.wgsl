// One weight for all values of a run.
@group(0) @binding(2) var<storage, read> weights: array<weights_Stored>;

fn run_weight(start: u32) -> u32 {
    return weights_load1(start, 0u);
}

fn weights4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(of_run);
}

fn weight1(index: u32) -> u32 {
    return weights_load1(index, 0u);
}
