// A buffer that is written, or read and written in place. Shorter than others, as no constant can
// choose an access.
@group(0) @binding(operand_BINDING) var<storage, read_write> operand: array<operand_Written>;
