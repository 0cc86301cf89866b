// Both halves of a word as bits of f32: a bf16 is the upper half of one.
fn operand_widen(word: u32) -> vec2<u32> {
    return vec2<u32>(word << 16u, word & 0xffff0000u);
}
