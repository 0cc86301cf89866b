// The state of a row or of a part of it: (m, r) with m the maximum and r the sum of exp(x - m) over
// all elements but one maximum, so that log-sum-exp = m + log1p(r) loses no bit of a small r.
// Both numbers stay finite; r below 0 names what has no such sum:
const R_EMPTY: f32 = -1.0;     // no element above -inf: 1 + r = 0, as it should be
const R_INFINITE: f32 = -2.0;  // +inf among the elements
const R_NAN: f32 = -4.0;       // NaN among the elements

const STATE_EMPTY = vec2<f32>(LOWEST, R_EMPTY);

const BITS_NAN: u32 = 0x7fc00000u;
const BITS_INFINITY: u32 = 0x7f800000u;
const BITS_NEGATIVE_INFINITY: u32 = 0xff800000u;

// softmax of the row is undefined: all -inf, any +inf, any NaN
fn state_is_special(state: vec2<f32>) -> bool {
    return state.y < -0.5;
}

// exp((low - high) / T): T is 1 but where the states are AT_TEMPERATURE. There m is the greatest logit as it is
// stored, and r the sum of exp((x - m) / T).
fn exp_apart(low: f32, high: f32) -> f32 {
    if AT_TEMPERATURE { return exp_distance(vec4<f32>(low), vec4<f32>(high)).x; }
    return exp_difference_scalar(low, high);
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

// Symmetric in its arguments to the last bit, so that lanes that exchange states agree.
fn state_merge(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    let a_leads = a.x > b.x || (a.x == b.x && a.y >= b.y);
    let high = select(b, a, a_leads);
    let low = select(a, b, a_leads);
    let merged = fma(1.0 + low.y, exp_apart(low.x, high.x), high.y);
    let special = min(a.y, b.y);
    return vec2<f32>(high.x, select(merged, special, special < -1.5));
}

// What an infinite logit makes of the sum of u_c (m - x_c).
const FLAG_POSITIVE: u32 = 1u;     // +inf
const FLAG_NEGATIVE: u32 = 2u;     // -inf
const FLAG_UNDEFINED: u32 = 4u;    // NaN
const FLAG_CONTRIBUTES: u32 = 8u;  // some u_c is not 0
const FLAG_HOLDS_TARGET: u32 = 16u;
const FLAGS: u32 = 31u;
const CLASSES_BEFORE: u32 = 32u;   // a class that comes before the target, counted above the flags

// weight * inf as a flag.
fn infinite_flag(weight: f32) -> u32 {
    if weight > 0.0 { return FLAG_POSITIVE; }
    if weight < 0.0 { return FLAG_NEGATIVE; }
    return select(FLAG_UNDEFINED, 0u, MASKED);
}

// log-sum-exp of the state, as bits since it may be infinite or NaN.
fn state_log_sum_exp(state: vec2<f32>) -> u32 {
    if state.y < -3.0 { return BITS_NAN; }
    if state.y < -1.5 { return BITS_INFINITY; }
    if state.y < -0.5 { return BITS_NEGATIVE_INFINITY; }
    return bitcast<u32>(state.x + log1p_nonnegative(state.y));
}

// All that a row's results are made of, known to each of its lanes. Without the options that need
// them, distance, weight and moment are 0.
struct Summary {
    state: vec2<f32>,
    distance: f32, // sum of u_c (m - x_c) over the finite logits, but for the target's own share
    weight: f32,   // sum of u_c, likewise
    moment: f32,   // sum of exp(x_c - m) times something: see moment/
    flags: u32,
}

// What is kept of a row, or of a part of one: PartialState of src/partial.rs.
struct PartialState {
    maximum: f32,
    rest: f32,
    distance: f32,
    weight: f32,
    spread: f32,
    argmax: u32,
    target_bits: u32,
    flags: u32,
}
