// Probability targets: u_c = w_c ((1 - eps) q_c + eps / C).
fn coefficients4(place: Place, column: u32, end: u32) -> vec4<f32> {
    let columns = columns4(column);
    let q = parameters.target_share * values4(place, column, end) + parameters.smoothing_share;
    return select(vec4<f32>(0.0), class_weights4(column, end) * q, columns < vec4<u32>(end));
}
