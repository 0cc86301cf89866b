// Functions that losses are made of, for finite arguments. Those of numeric.wgsl are inside.

// Both sides of a logit x, and of -x behind it, from one exponential.
struct Logistic {
    sigmoids: vec2<f32>,   // 1 / (1 + exp(-x)) and what it lacks of 1: neither by subtraction
    softpluses: vec2<f32>, // log(1 + exp(x))
}

fn logistic(x: f32) -> Logistic {
    let e = exp_nonpositive(vec4<f32>(-abs(x))).x;
    let large = 1.0 / (1.0 + e);
    let small = e * large;
    let sigmoids = select(vec2<f32>(small, large), vec2<f32>(large, small), x >= 0.0);
    return Logistic(sigmoids, max(vec2<f32>(x, -x), vec2<f32>(0.0)) + log1p_nonnegative(e));
}

fn softplus(x: f32) -> f32 {
    return logistic(x).softpluses.x;
}

fn sigmoids(x: f32) -> vec2<f32> {
    return logistic(x).sigmoids;
}

// exp(x), infinite beyond the range of f32.
fn exp_of(x: f32) -> f32 {
    if x <= 0.0 { return exp_nonpositive(vec4<f32>(x)).x; }
    // The root, since the inverse of the largest exponentials is no normal number.
    let inverse = exp_nonpositive(vec4<f32>(-0.5 * min(x, 170.0))).x;
    let root = 1.0 / inverse;
    return root * root;
}

// log(x) for x >= 0; NaN below.
fn log_of(x: f32) -> f32 {
    if x < 0.0 { return not_a_number(); }
    if x == 0.0 { return -infinity(); }
    return log_positive(x, x - 1.0);
}

// x log y, 0 where x is.
fn x_log_y(x: f32, y: f32) -> f32 {
    return select(x * log_of(y), 0.0, x == 0.0);
}

// x^p for p >= 0, with the exponent of x taken apart: the error of p log x grows with it. NaN below 0
// but for a whole p.
fn power(x: f32, p: f32) -> f32 {
    if p == 0.0 { return 1.0; }
    if p == 1.0 { return x; }
    if p == 2.0 { return x * x; }
    if x == 0.0 { return 0.0; }
    if x < 0.0 && floor(p) != p { return not_a_number(); }
    let is_negative = x < 0.0 && floor(0.5 * p) != 0.5 * p;
    let size = abs(x);
    let is_small = size < 1e-30;
    let bits = bitcast<u32>(select(size, size * 0x1p+64f, is_small)) + 0x004afb0du;
    let exponent = f32(bits >> 23u) - select(127.0, 191.0, is_small);
    let significand = bitcast<f32>((bits & 0x007fffffu) + 0x3f3504f3u);
    let of_significand = log_positive(significand, significand - 1.0);
    // Beyond these nothing is left to tell, and its parts may overflow.
    let estimate = min(p, 1e30) * fma(exponent, 0.69314718, of_significand);
    if estimate < -120.0 { return 0.0; }
    if estimate > 100.0 { return select(infinity(), -infinity(), is_negative); }
    let product = p * exponent;
    let whole = round(product);
    let rest = fma(p, of_significand, (product - whole) * 0.69314718);
    // Two steps: 2^whole may be out of range where x^p is not.
    let half = clamp(round(0.5 * whole), -126.0, 126.0);
    let other = clamp(whole - half, -126.0, 126.0);
    let first = bitcast<f32>(u32(i32(half) + 127) << 23u);
    let second = bitcast<f32>(u32(i32(other) + 127) << 23u);
    let result = exp_of(rest) * first * second;
    return select(result, -result, is_negative);
}

// No compiler knows them, so none may object or assume them away.
fn not_a_number() -> f32 {
    return bitcast<f32>(0x7fc00000u | parameters.zero);
}

fn infinity() -> f32 {
    return bitcast<f32>(0x7f800000u | parameters.zero);
}
