alias operand_Stored = u32;
