// f32 written one by one. Without branches, of which software drivers run both sides: in place of what
// lies beyond the row's end, its vector's last class is written again.
alias operand_Written = u32;

fn operand_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    let columns = columns4(column);
    let is_inside = columns < vec4<u32>(end);
    let y = select(vec2<u32>(columns.x, bits.x), vec2<u32>(columns.y, bits.y), is_inside.y);
    let z = select(y, vec2<u32>(columns.z, bits.z), is_inside.z);
    let w = select(z, vec2<u32>(columns.w, bits.w), is_inside.w);
    operand[element_at(start, columns.x)] = bits.x;
    operand[element_at(start, y.x)] = y.y;
    operand[element_at(start, z.x)] = z.y;
    operand[element_at(start, w.x)] = w.y;
}
