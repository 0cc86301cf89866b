@group(0) @binding(4) var<storage, read_write> losses: array<losses_Stored>;
