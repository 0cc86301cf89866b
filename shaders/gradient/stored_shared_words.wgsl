alias gradient_Stored = atomic<u32>;
