// Label smoothing: every class has the coefficient (eps / C) w_c beside the target's own share.
fn coefficients4(place: Place, column: u32, end: u32) -> vec4<f32> {
    let columns = columns4(column);
    let u = parameters.smoothing_share * class_weights4(column, end);
    return select(vec4<f32>(0.0), u, columns < vec4<u32>(end));
}
