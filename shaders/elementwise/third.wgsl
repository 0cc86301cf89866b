@group(0) @binding(6) var<storage, read> third: array<third_Stored>;
