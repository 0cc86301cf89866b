alias gradient_Stored = vec4<u32>;
