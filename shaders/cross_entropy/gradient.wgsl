// dL/dx_c = g v (U p_c - u_c) + g_z v 2 z lse p_c, with U the sum of u_c. Where the target is the
// maximum, p_y - 1 = -r / (1 + r) without cancellation.
fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    let is_special = state_is_special(summary.state);
    if !row.is_valid { return GradientFactors(0.0, 0.0, 0.0, true); }
    if !row.is_counted { return GradientFactors(0.0, 0.0, 0.0, is_special && !MASKED); }
    if MASKED && (row.weight == 0.0 || !(Z_LOSS || contributes(row, summary))) { return NO_GRADIENT; }

    // Masked, a row without coefficients has no loss but its z-loss.
    let has_loss = !MASKED || contributes(row, summary);
    let denominators = denominators();
    let is_nan = is_special || (has_loss && denominators.x == 0.0) || (Z_LOSS && denominators.y == 0.0);
    let upstream = upstream_of(place) * row.weight * chain_factor();
    let g = select(0.0, upstream / denominators.x, has_loss);
    let total = 1.0 + summary.state.y;
    var z = 0.0;
    if Z_LOSS {
        let lse = summary.state.x + log1p_nonnegative(summary.state.y);
        z = (upstream / denominators.y) * (2.0 * parameters.z_loss * lse);
    }

    let coefficient = target_coefficient(row);
    let target_logit = bitcast<f32>(row.target_bits);
    let p = exp_difference_scalar(target_logit, summary.state.x) / total;
    var beyond = p - 1.0;
    if target_logit == summary.state.x {
        beyond = -summary.state.y / total;
    }
    let smoothed = parameters.smoothing_share * row.class_weight;
    let at_target = g * (coefficient * beyond + (summary.weight * p - smoothed)) + z * p;
    let scale = (g * (summary.weight + coefficient) + z) / total;
    return GradientFactors(scale, g, at_target, is_nan);
}
