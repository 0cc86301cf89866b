alias operand_Stored = atomic<u32>;
