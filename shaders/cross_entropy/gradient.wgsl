// dL/dx_c = g v (U p_c - u_c) + g_z v 2 z lse p_c, with U the sum of u_c. Where the target is the
// maximum, p_y - 1 = -r / (1 + r) without cancellation.
var<private> coefficient_scale: f32 = 1.0;

fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    if HAS_LOG_PROBABILITIES { return log_probability_gradient(place, row); }
    let is_special = state_is_special(summary.state);
    if !row.is_valid { return GradientFactors(0.0, 0.0, 0.0, true); }
    if !row.is_counted { return GradientFactors(0.0, 0.0, 0.0, is_special && !MASKED); }
    if MASKED && (row.weight == 0.0 || !(Z_LOSS || contributes(row, summary))) { return NO_GRADIENT; }

    // Masked, a row without coefficients has no loss but its z-loss.
    let has_loss = !MASKED || contributes(row, summary);
    let denominators = denominators();
    let is_nan = is_special || (has_loss && denominators.sums.x == 0.0) || (Z_LOSS && denominators.sums.y == 0.0);
    let upstream = upstream_of(place);
    coefficient_scale = denominators.scale.x;
    var g = select(0.0, divided(upstream, row.weight, chain_factor(), denominators.sums.x, denominators.scale.x), has_loss);
    // The only class has all of the probability: no rounding of its coefficients may show.
    if parameters.total_classes == 1u { g *= 0.0; }
    let total = 1.0 + summary.state.y;
    var z = 0.0;
    if Z_LOSS {
        let lse = summary.state.x + log1p_nonnegative(summary.state.y);
        let g_z = divided(upstream, row.weight * denominators.scale.y, chain_factor(), denominators.sums.y, denominators.scale.y);
        z = g_z * (2.0 * parameters.z_loss * lse);
    }

    let coefficient = target_coefficient(row) * coefficient_scale;
    let weight = summary.weight * coefficient_scale;
    let target_logit = bitcast<f32>(row.target_bits);
    let p = exp_difference_scalar(target_logit, summary.state.x) / total;
    var beyond = p - 1.0;
    if target_logit == summary.state.x {
        beyond = -summary.state.y / total;
    }
    let smoothed = parameters.smoothing_share * row.class_weight * coefficient_scale;
    let at_target = g * (coefficient * beyond + (weight * p - smoothed)) + z * p;
    let scale = (g * (weight + coefficient) + z) / total;
    return GradientFactors(scale, g, at_target, is_nan);
}

// Less each class's own coefficient, where every class has a term.
fn gradient_values(place: Place, factors: GradientFactors, column: u32, end: u32, x: vec4<f32>, scaled: vec4<f32>) -> vec4<f32> {
    if !HAS_TERMS { return scaled; }
    return scaled - factors.direct * (coefficient_scale * coefficients4(place, column, end));
}

// Whether any coefficient of the row is not 0.
fn contributes(row: Row, summary: Summary) -> bool {
    return (summary.flags & FLAG_CONTRIBUTES) != 0u || target_coefficient(row) != 0.0;
}

// Of log-probabilities: dL/dx_y = -g v w_y, and 0 elsewhere.
fn log_probability_gradient(place: Place, row: Row) -> GradientFactors {
    if !row.is_valid { return GradientFactors(0.0, 0.0, 0.0, true); }
    let coefficient = target_coefficient(row);
    if !row.is_counted || (MASKED && (row.weight == 0.0 || coefficient == 0.0)) { return NO_GRADIENT; }
    let denominators = denominators();
    let denominator = denominators.sums.x;
    let g = divided(upstream_of(place), row.weight, 1.0, denominator, denominators.scale.x);
    // A mean over nothing is NaN, but where the gradient is 0 whatever it is multiplied by.
    let at_target = select(bitcast<u32>(-g * (coefficient * denominators.scale.x)), BITS_NAN, denominator == 0.0);
    return GradientFactors(0.0, 0.0, bitcast<f32>(at_target), false);
}
