// f16: what element/bf16.wgsl defines. By integers, since unpack2x16float is not everywhere, and may flush
// subnormals where it is.
alias Vector_f16 = vec2<u32>;
const PER_WORD_f16: u32 = 2u;

// Both halves of a word as bits of f32.
fn halves_f16(word: u32) -> vec2<u32> {
    let halves = vec2<u32>(word & 0xffffu, word >> 16u);
    let magnitude = halves & vec2<u32>(0x7fffu);
    // Infinities and NaN have the greatest exponent in both types.
    let bias = select(vec2<u32>(0x38000000u), vec2<u32>(0x70000000u), magnitude >= vec2<u32>(0x7c00u));
    let normal = (magnitude << vec2<u32>(13u)) + bias;
    let subnormal = bitcast<vec2<u32>>(vec2<f32>(magnitude) * 5.9604644775390625e-8);
    let widened = select(normal, subnormal, magnitude < vec2<u32>(0x400u));
    return widened | ((halves & vec2<u32>(0x8000u)) << vec2<u32>(16u));
}

fn widened_f16(word: u32, element: u32) -> u32 {
    return halves_f16(word)[element % 2u];
}

fn vector_widened_f16(stored: vec2<u32>) -> vec4<u32> {
    return vec4<u32>(halves_f16(stored.x), halves_f16(stored.y));
}

// f32 to f16, to the nearest, ties to even. By integers: what pack2x16float does with a value that
// is too large is up to the driver, and so is its rounding.
fn narrowed_f16(bits: vec4<u32>) -> vec4<u32> {
    let sign = (bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u);
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    let odd = (magnitude >> vec4<u32>(13u)) & vec4<u32>(1u);
    // 2^-14 is the least normal f16; below it, halves count units of 2^-24.
    let normal = (magnitude - vec4<u32>(0x38000000u) + vec4<u32>(0xfffu) + odd) >> vec4<u32>(13u);
    let small = min(bitcast<vec4<f32>>(magnitude & vec4<u32>(0x3fffffffu)), vec4<f32>(0.001));
    let subnormal = vec4<u32>(round(small * 16777216.0));
    var half = select(normal, subnormal, magnitude < vec4<u32>(0x38800000u));
    half = select(half, vec4<u32>(0x7c00u), magnitude >= vec4<u32>(0x477ff000u));
    half = select(half, vec4<u32>(0x7e00u), magnitude > vec4<u32>(0x7f800000u));
    return half | sign;
}

fn vector_narrowed_f16(bits: vec4<u32>) -> vec2<u32> {
    let halves = narrowed_f16(bits);
    return halves.xz | (halves.yw << vec2<u32>(16u));
}
