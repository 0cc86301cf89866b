alias operand_Stored = vec4<u32>;
