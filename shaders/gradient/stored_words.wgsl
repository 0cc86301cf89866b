alias gradient_Stored = u32;
