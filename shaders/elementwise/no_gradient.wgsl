fn upstream_of_run_at(start: u32) -> u32 {
    return BITS_ONE;
}

fn write_gradients(run: Run, column: u32, end: u32, losses: Losses, weights: vec4<u32>) {
}
