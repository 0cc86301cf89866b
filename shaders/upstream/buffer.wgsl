// The upstream gradient lies on the device: one value for each row, or one for all (stride 0).
@group(0) @binding(8) var<storage, read> upstream: array<f32>;

fn upstream_of(place: Place) -> f32 {
    return upstream[parameters.upstream_offset + place.row * parameters.upstream_stride];
}
