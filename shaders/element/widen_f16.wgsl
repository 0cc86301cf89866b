// Both halves of a word as bits of f32. By integers: unpack2x16float is not everywhere, and may
// flush subnormals where it is.
fn operand_widen(word: u32) -> vec2<u32> {
    let halves = vec2<u32>(word & 0xffffu, word >> 16u);
    let magnitude = halves & vec2<u32>(0x7fffu);
    // Infinities and NaN have the greatest exponent in both types.
    let bias = select(vec2<u32>(0x38000000u), vec2<u32>(0x70000000u), magnitude >= vec2<u32>(0x7c00u));
    let normal = (magnitude << vec2<u32>(13u)) + bias;
    let subnormal = bitcast<vec2<u32>>(vec2<f32>(magnitude) * 5.9604644775390625e-8);
    let widened = select(normal, subnormal, magnitude < vec2<u32>(0x400u));
    return widened | ((halves & vec2<u32>(0x8000u)) << vec2<u32>(16u));
}
