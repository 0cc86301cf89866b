// Both files of upstream/ define upstream_of, for the gradient of a row. Here it is known on the host, and a
// parameter: there is no binding, and nothing to load.
fn upstream_of(place: Place) -> f32 {
    return parameters.upstream;
}
