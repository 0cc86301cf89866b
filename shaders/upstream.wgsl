// The upstream gradient of a row: a parameter, or on the device, where it IS_UPSTREAM_BUFFER, one value for each
// row or one for all (stride 0).
fn upstream_of(place: Place) -> f32 {
    if !IS_UPSTREAM_BUFFER { return parameters.upstream; }
    return bitcast<f32>(upstream_at(parameters.upstream_offset + place.row * parameters.upstream_stride));
}
