@group(0) @binding(7) var<storage, read> upstream: array<upstream_Stored>;
