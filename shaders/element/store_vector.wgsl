// The files that store an operand define operand_store4, of four columns, and operand_Written, what its buffer is
// an array of. Here values are written four at a time, as element/load_vector.wgsl reads them.
alias operand_Written = Vector_TYPE;

fn operand_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    operand[(start + column) / 4u] = vector_narrowed_TYPE(bits);
}
