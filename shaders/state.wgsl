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
