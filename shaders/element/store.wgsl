// Where a kernel's gradient goes: an operand's store by the name that kernels call, and nothing else.
// Shorter than others for that.
fn store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    operand_store4(start, column, end, bits);
}
