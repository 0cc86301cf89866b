fn run_weight(start: u32) -> u32 {
    return 0u;
}

fn weights4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(BITS_ONE);
}

fn weight1(index: u32) -> u32 {
    return BITS_ONE;
}
