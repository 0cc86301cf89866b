@group(0) @binding(1) var<storage, read_write> values: array<values_Stored>;
