@group(0) @binding(1) var<storage, read> values: array<values_Stored>;
