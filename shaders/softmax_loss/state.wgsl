// The state of a row, or of a part of it, at a temperature T: (m, r) with m the greatest logit as it is
// stored and r the sum of exp((x - m) / T) over all elements but one maximum. As in state.wgsl, both
// numbers stay finite, and r below 0 names what has no such sum:
const R_EMPTY: f32 = -1.0;     // no element above -inf
const R_INFINITE: f32 = -2.0;  // +inf among the elements
const R_NAN: f32 = -4.0;       // NaN among the elements

const STATE_EMPTY = vec2<f32>(LOWEST, R_EMPTY);

const BITS_NAN: u32 = 0x7fc00000u;
const BITS_INFINITY: u32 = 0x7f800000u;
const BITS_NEGATIVE_INFINITY: u32 = 0xff800000u;

fn state_is_special(state: vec2<f32>) -> bool {
    return state.y < -0.5;
}

// exp((low - high) / T) for low <= high. As exp_difference, the coarse parts subtract exactly; at a
// temperature below 1 the fine ones are too large to enter as a factor.
fn exp_distance(low: vec4<f32>, high: vec4<f32>) -> vec4<f32> {
    let scale = parameters.logit_scale;
    if scale > 1.0 { return exp_nonpositive((low - high) * scale); }
    let low_coarse = coarse(low);
    let high_coarse = coarse(high);
    let low_fine = select(low - low_coarse, vec4<f32>(0.0), abs(low) > vec4<f32>(8192.0));
    let high_fine = select(high - high_coarse, vec4<f32>(0.0), abs(high) > vec4<f32>(8192.0));
    let fine = (low_fine - high_fine) * scale;
    return exp_nonpositive((low_coarse - high_coarse) * scale) * fma(fine, fma(fine, vec4<f32>(0.5), vec4<f32>(1.0)), vec4<f32>(1.0));
}

fn exp_distance_scalar(low: f32, high: f32) -> f32 {
    return exp_distance(vec4<f32>(low), vec4<f32>(high)).x;
}

// Symmetric in its arguments to the last bit, so that lanes that exchange states agree.
fn state_merge(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    let a_leads = a.x > b.x || (a.x == b.x && a.y >= b.y);
    let high = select(b, a, a_leads);
    let low = select(a, b, a_leads);
    let merged = fma(1.0 + low.y, exp_distance_scalar(low.x, high.x), high.y);
    let special = min(a.y, b.y);
    return vec2<f32>(high.x, select(merged, special, special < -1.5));
}

// The softmax of a row, known to each of its lanes.
struct Softmax {
    state: vec2<f32>,
    log_total: f32,     // log1p(r): log p = (x - m) / T - log_total
    inverse_total: f32, // 1 / (1 + r)
}

fn softmax_of(state: vec2<f32>) -> Softmax {
    if state_is_special(state) { return Softmax(state, 0.0, 0.0); }
    return Softmax(state, log1p_nonnegative(state.y), 1.0 / (1.0 + state.y));
}

// (x - m) / T, 0 or less
fn distances(softmax: Softmax, x: vec4<f32>) -> vec4<f32> {
    return (x - softmax.state.x) * parameters.logit_scale;
}

// What an infinite logit makes of the sum of a row's losses.
const FLAG_POSITIVE: u32 = 1u;    // +inf
const FLAG_NEGATIVE: u32 = 2u;    // -inf
const FLAG_UNDEFINED: u32 = 4u;   // NaN
const FLAG_CONTRIBUTES: u32 = 8u; // some coefficient is not 0

// coefficient * inf as a flag.
fn infinite_flag(coefficient: f32) -> u32 {
    if coefficient > 0.0 { return FLAG_POSITIVE; }
    if coefficient < 0.0 { return FLAG_NEGATIVE; }
    return select(FLAG_UNDEFINED, 0u, MASKED);
}
