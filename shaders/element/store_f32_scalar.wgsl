// Without branches, of which software drivers run both sides: in place of what lies beyond the row's
// end, its vector's last class is written again.
fn store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    let wanted = columns4(column);
    let last = vec4<u32>(end - 1u);
    let at = min(wanted, last);
    let y = select(bits.y, bits.x, wanted.y > last.y);
    let z = select(bits.z, y, wanted.z > last.z);
    let w = select(bits.w, z, wanted.w > last.w);
    operand[element_at(start, at.x)] = bits.x;
    operand[element_at(start, at.y)] = y;
    operand[element_at(start, at.z)] = z;
    operand[element_at(start, at.w)] = w;
}
