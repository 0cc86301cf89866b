// What every class has in the loss of a row beside the target's own share: u_c = w_c ((1 - eps) q_c + eps / C)
// with probabilities q as targets, w_c eps / C with label smoothing. 0 beyond the row's end.
fn coefficients4(place: Place, column: u32, end: u32) -> vec4<f32> {
    let columns = columns4(column);
    var share = vec4<f32>(parameters.smoothing_share);
    if HAS_VALUES {
        share = parameters.target_share * values_of_classes(place, column, end) + parameters.smoothing_share;
    }
    return select(vec4<f32>(0.0), share * weights_of_classes(column, end), columns < vec4<u32>(end));
}

// Of four columns; anything beyond the row's end.
fn weights_of_classes(column: u32, end: u32) -> vec4<f32> {
    if !HAS_CLASS_WEIGHTS { return vec4<f32>(1.0); }
    let first = parameters.first_class + first_column();
    let classes = first + min(columns4(column), vec4<u32>(end - 1u));
    return vec4<f32>(
        class_weight(classes.x),
        class_weight(classes.y),
        class_weight(classes.z),
        class_weight(classes.w),
    );
}
