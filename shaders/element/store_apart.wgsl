// Where a kernel's gradient goes.
fn store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {
    operand_store_apart(elements, present, bits);
}
