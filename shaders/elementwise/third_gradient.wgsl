@group(0) @binding(9) var<storage, read_write> third_gradient: array<third_gradient_Stored>;
