fn count4(x: vec4<u32>, t: vec4<u32>, weights: vec4<u32>, present: u32) {
}
