// Logits in the order of torch.topk: the smaller, the greater the logit; 0 for NaN. Compared as integers,
// special values need no float rule.
fn logit_order(bits: vec4<u32>) -> vec4<u32> {
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    let falling = vec4<u32>(0x7fffffffu) - magnitude;
    let rising = vec4<u32>(0x7fffffffu) + magnitude;
    let order = select(falling, rising, bits > vec4<u32>(0x7fffffffu));
    return select(order, vec4<u32>(0u), magnitude > vec4<u32>(BITS_INFINITY));
}
