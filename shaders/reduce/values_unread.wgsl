// What does not depend on the values.
fn values_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn values_load1(start: u32, column: u32) -> u32 {
    return 0u;
}
