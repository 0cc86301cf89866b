// Where a kernel's gradient goes, as element/store.wgsl. Shorter than others for that.
fn store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {
    operand_store_apart(elements, present, bits);
}
