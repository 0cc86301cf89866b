// A buffer that is read: _at gives one of its elements. Its number is the prelude's, its element type
// that of the loads.
@group(0) @binding(operand_BINDING) var<storage, read> operand: array<operand_Stored>;

fn operand_at(index: u32) -> operand_Stored {
    return operand[index];
}
