fn upstream_of(result: u32) -> f32 {
    return parameters.upstream;
}
