alias gradient_Stored = vec2<u32>;
