// dL/dx_y = -g v w_y, and 0 elsewhere.
fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
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
