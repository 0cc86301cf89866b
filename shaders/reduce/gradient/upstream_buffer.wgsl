@group(0) @binding(6) var<storage, read> upstream: array<f32>;

fn upstream_of(result: u32) -> f32 {
    return upstream[parameters.upstream_offset + result * parameters.upstream_stride];
}
