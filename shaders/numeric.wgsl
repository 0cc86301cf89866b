// exp and log1p of our own: the builtins may be off by 3 + 2|x| units in the last place and by
// 2^-21 near 1, which is more than the whole error a loss may have here.

// The least finite f32. Maxima start here and never at -inf, which compilers may assume away.
const LOWEST: f32 = -0x1.fffffep+127f;

// exp(d) for d <= 0 within 1.4 units in the last place: exactly 1 at 0, exactly 0 below -87 and at
// -inf. d = n ln 2 + f with ln 2 in two parts (Cody and Waite), then a polynomial of degree 6 in f
// with relative error 3.1e-9.
fn exp_nonpositive(d: vec4<f32>) -> vec4<f32> {
    let bounded = max(d, vec4<f32>(-87.0));
    let n = round(bounded * 1.44269504);
    // Mesa would fold both parts of ln 2 into one, and lose what they are for, if both multiplied
    // the same value; the maximum changes nothing, but it cannot know that.
    let also_n = max(n, vec4<f32>(-127.0));
    let f = fma(also_n, vec4<f32>(2.12194440e-4), fma(n, vec4<f32>(-0.693359375), bounded));
    var p = fma(f, vec4<f32>(0.0013814319), vec4<f32>(0.0083688507));
    p = fma(f, p, vec4<f32>(0.0416684002));
    p = fma(f, p, vec4<f32>(0.1666651964));
    p = fma(f, p, vec4<f32>(0.4999999404));
    p = fma(f * f, p, f) + 1.0;
    let scaled = bitcast<vec4<f32>>(bitcast<vec4<i32>>(p) + (vec4<i32>(n) << vec4<u32>(23u)));
    return select(scaled, vec4<f32>(0.0), d < vec4<f32>(-87.0));
}

// exp(low - high) for low <= high within 2 units in the last place, where the difference itself
// would be rounded: by up to 3.8e-6 at a distance of 64. Both are split at 2^-10, so that the
// coarse parts subtract exactly and the fine ones enter as a factor.
fn exp_difference(low: vec4<f32>, high: vec4<f32>) -> vec4<f32> {
    let low_coarse = coarse(low);
    let high_coarse = coarse(high);
    // Beyond 2^13 there is no fine part, and -inf may not meet itself.
    let low_fine = select(low - low_coarse, vec4<f32>(0.0), abs(low) > vec4<f32>(8192.0));
    let high_fine = select(high - high_coarse, vec4<f32>(0.0), abs(high) > vec4<f32>(8192.0));
    let fine = low_fine - high_fine;
    return exp_nonpositive(low_coarse - high_coarse) * fma(fine, fma(fine, vec4<f32>(0.5), vec4<f32>(1.0)), vec4<f32>(1.0));
}

fn coarse(x: vec4<f32>) -> vec4<f32> {
    return select(round(x * 1024.0) * (1.0 / 1024.0), x, abs(x) > vec4<f32>(8192.0));
}

fn exp_difference_scalar(low: f32, high: f32) -> f32 {
    return exp_difference(vec4<f32>(low), vec4<f32>(high)).x;
}

// log(1 + r) for r >= 0, without the rounding of 1 + r where r is small.
fn log1p_nonnegative(r: f32) -> f32 {
    return log_positive(1.0 + r, r);
}

// log(s) for s > 0, which is told with s - 1 beside it: that may hold digits that s has not. The
// series in f / (2 + f) and its coefficients are those of FreeBSD's e_logf.c.
fn log_positive(s: f32, less_one: f32) -> f32 {
    var f = less_one;
    var k = 0.0;
    if f > 0.41421 || f < -0.29289 {
        // Subnormals have no exponent to take apart.
        let is_small = s < 1e-30;
        let bits = bitcast<u32>(select(s, s * 0x1p+64f, is_small));
        // Adding 1 to the exponent above sqrt(2) keeps 1 + f within 0.707 to 1.414.
        let rounded = bits + 0x004afb0du;
        k = f32(rounded >> 23u) - select(127.0, 191.0, is_small);
        f = bitcast<f32>((rounded & 0x007fffffu) + 0x3f3504f3u) - 1.0;
    }
    let t = f / (2.0 + f);
    let z = t * t;
    let series = z * fma(z, fma(z, fma(z, 0.24279078841, 0.28498786688), 0.40000972152), 0.66666662693);
    let half_square = 0.5 * f * f;
    return k * 0.69313812256 - ((half_square - fma(t, half_square + series, k * 9.0580006145e-6)) - f);
}

// tanh within 2 units in the last place: a polynomial of degree 4 in u^2 up to 0.6, beyond that
// (1 - e) / (1 + e) with e = exp(-2 |u|).
fn tanh_of(u: vec4<f32>) -> vec4<f32> {
    let magnitude = abs(u);
    let e = exp_nonpositive(-2.0 * magnitude);
    let large = (1.0 - e) / (1.0 + e);
    let near = min(magnitude, vec4<f32>(0.6));
    let z = near * near;
    var p = fma(z, vec4<f32>(-0.0062763901), vec4<f32>(0.0211162157));
    p = fma(z, p, vec4<f32>(-0.0538751371));
    p = fma(z, p, vec4<f32>(0.1333292425));
    p = fma(z, p, vec4<f32>(-0.3333333135));
    let small = fma(near * z, p, near);
    let tanh = select(large, small, magnitude < vec4<f32>(0.6));
    return select(tanh, -tanh, u < vec4<f32>(0.0));
}

// 1 - tanh(u)^2 = 4 e / (1 + e)^2 with e = exp(-2 |u|), without cancellation.
fn one_minus_tanh_squared(u: vec4<f32>) -> vec4<f32> {
    let e = exp_nonpositive(-2.0 * abs(u));
    let sum = 1.0 + e;
    return 4.0 * e / (sum * sum);
}

// Arithmetic on special values by their bits: compilers may assume that there are none.
fn is_finite_bits(bits: u32) -> bool {
    return (bits & 0x7fffffffu) < 0x7f800000u;
}

fn add_bits(a: u32, b: u32) -> u32 {
    if is_finite_bits(a) && is_finite_bits(b) { return bitcast<u32>(bitcast<f32>(a) + bitcast<f32>(b)); }
    if is_finite_bits(a) { return b; }
    if is_finite_bits(b) || a == b { return a; }
    return 0x7fc00000u;
}
