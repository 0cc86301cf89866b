// Values whose places have nothing to do with each other, `present` of them. Without branches, of
// which software drivers run both sides: the first is written again in place of what is not there.
alias operand_Written = u32;

fn operand_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {
    let is_there = vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(present);
    let places = select(vec4<u32>(elements.x), elements, is_there);
    let stored = select(vec4<u32>(bits.x), bits, is_there);
    operand[places.x] = stored.x;
    operand[places.y] = stored.y;
    operand[places.z] = stored.z;
    operand[places.w] = stored.w;
}
