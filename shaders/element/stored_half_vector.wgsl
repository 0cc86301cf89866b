alias operand_Stored = vec2<u32>;
