// The files of row_loss/ define row_loss, of four classes. Softmax focal loss of each class:
// -a (1 - p)^gamma log p, and its derivative in log p,
// -a (1 - p)^gamma (1 - gamma p log p / (1 - p)).
fn row_loss(coefficients: vec4<f32>, log_p: vec4<f32>, p: vec4<f32>, complement: vec4<f32>) -> Terms {
    let is_certain = complement <= vec4<f32>(0.0);
    // log p / (1 - p) is -1 at p = 1. Finite, so that p = 0 makes it 0.
    let ratio = select(max(log_p, vec4<f32>(-1e37)) / select(complement, vec4<f32>(1.0), is_certain), vec4<f32>(-1.0), is_certain);
    var gamma_p = parameters.gamma * p;
    if parameters.gamma > 1e30 {
        // p may be smaller than any number where gamma p is one.
        let logarithm = log_p + log_positive(parameters.gamma, parameters.gamma - 1.0);
        let e = exp_nonpositive(-abs(logarithm));
        let of_logarithm = select(e, 1.0 / max(e, vec4<f32>(1e-30)), logarithm > vec4<f32>(0.0));
        gamma_p = select(gamma_p, of_logarithm, p < vec4<f32>(1e-30));
    }
    let scaled = coefficients * power_of(p, complement, gamma_p);
    return Terms(-scaled * log_p, -scaled * (1.0 - gamma_p * ratio), p, 0u);
}

// (1 - p)^gamma: up to a gamma of 64 its whole part by products, which lose nothing where p is close to
// 1; the rest, and a greater one, which shows the digits of a small p, by log(1 - p) =
// -log1p(p / (1 - p)).
fn power_of(p: vec4<f32>, complement: vec4<f32>, gamma_p: vec4<f32>) -> vec4<f32> {
    let is_great = parameters.gamma > 64.0;
    let whole = select(floor(parameters.gamma), 0.0, is_great);
    let rest = parameters.gamma - whole;
    var power = vec4<f32>(1.0);
    if rest > 0.0 {
        let is_certain = complement <= vec4<f32>(0.0);
        let odds = p / select(complement, vec4<f32>(1.0), is_certain);
        let logarithms = vec4<f32>(
            log1p_nonnegative(odds.x),
            log1p_nonnegative(odds.y),
            log1p_nonnegative(odds.z),
            log1p_nonnegative(odds.w),
        );
        let exponents = select(rest * logarithms, gamma_p, vec4<bool>(is_great) & (p < vec4<f32>(1e-30)));
        power = select(exp_nonpositive(-min(exponents, vec4<f32>(1000.0))), vec4<f32>(0.0), is_certain);
    }
    var square = complement;
    for (var n = u32(whole); n > 0u; n >>= 1u) {
        if (n & 1u) != 0u { power *= square; }
        square *= square;
    }
    return power;
}
