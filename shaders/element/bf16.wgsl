// bf16, the upper half of an f32: what element/f32.wgsl defines, and halves_ and narrowed_, for what
// reads and writes halves one by one.
alias Vector_bf16 = vec2<u32>;
const PER_WORD_bf16: u32 = 2u;

// Both halves of a word as bits of f32.
fn halves_bf16(word: u32) -> vec2<u32> {
    return vec2<u32>(word << 16u, word & 0xffff0000u);
}

fn widened_bf16(word: u32, element: u32) -> u32 {
    return halves_bf16(word)[element % 2u];
}

fn vector_widened_bf16(stored: vec2<u32>) -> vec4<u32> {
    return vec4<u32>(halves_bf16(stored.x), halves_bf16(stored.y));
}

// f32 to bf16, to the nearest, ties to even.
fn narrowed_bf16(bits: vec4<u32>) -> vec4<u32> {
    let odd = (bits >> vec4<u32>(16u)) & vec4<u32>(1u);
    let rounded = (bits + vec4<u32>(0x7fffu) + odd) >> vec4<u32>(16u);
    let is_nan = (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
    return select(rounded, vec4<u32>(0x7fc0u), is_nan);
}

fn vector_narrowed_bf16(bits: vec4<u32>) -> vec2<u32> {
    let halves = narrowed_bf16(bits);
    return halves.xz | (halves.yw << vec2<u32>(16u));
}
