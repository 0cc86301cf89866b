fn target4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn target1(index: u32) -> u32 {
    return 0u;
}
