@group(0) @binding(5) var<storage, read> targets: array<targets_Stored>;

fn target4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return targets_load4(start, column, end);
}

fn target1(index: u32) -> u32 {
    return targets_load1(index, 0u);
}
