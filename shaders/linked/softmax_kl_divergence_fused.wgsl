// wgpu-loss wgsl softmax-kl-divergence --gradient --temperature 2 --dispatch 3
// KL divergence of logits: 1 dispatch of 1 kernel
// buffer 0: partials, 32 bytes, scratch
// buffer 1: totals, 32 bytes
// buffer 2: logits, 4096000 bytes
// buffer 3: gradient, 4096000 bytes
// buffer 4: teacher, 4096000 bytes
// buffer 5: loss_rows, 4096 bytes, scratch
// buffer 6: partials, 32 bytes, scratch

// ==== dispatch 1 of 1: wgpu-loss KlDivergence Teacher(F32) Subgroup 32x8x8 Vector f32 held gradient Separate(F32) upstream Scalar mean
// workgroups: 128, needs subgroups
// binding  0 uniform    parameters: 148 bytes
// binding  1 read       logits: bytes 0 to 4096000 of buffer 2, in elements of 16
// binding  2 read_write gradient: bytes 0 to 4096000 of buffer 3, in elements of 16
// binding  3 read       teacher: bytes 0 to 4096000 of buffer 4, in elements of 16
// binding  4 read_write loss_rows: bytes 0 to 4096 of buffer 5, in elements of 4
// binding  9 read       totals: bytes 0 to 32 of buffer 1, in elements of 4
// uniforms: rows = 1024u; classes = 1000u; inner = 1u; logits_stride = 1000u; gradient_stride = 1000u;
//    targets_stride = 1000u; total_classes = 1000u; ignore_index = -100i; has_ignore_index = 1u;
//    upstream = 1.0f; target_share = 1.0f; logit_scale = 0.5f; loss_scale = 1.0f; unit = 2.0f;
//    batch_size = 1.0f; all others 0

const LANES: u32 = 32u;
const ROWS: u32 = 8u;
const VECTORS: u32 = 8u;
const RECORD_WORDS: u32 = 1u;
const WORD_LOSS: u32 = 0u;
const HELD: bool = true;
const MASKED: bool = false;
const HAS_GRADIENT: bool = true;
const READS_IGNORED_ROWS: bool = true;
const HAS_TEACHER: bool = true;
const KNOWS_SUM: bool = true;
const AT_TEMPERATURE: bool = true;
const IS_INTERLEAVED: bool = false;
const IS_SHIFTED: bool = false;
const IS_SPLIT: bool = false;
const IS_SCALED: bool = false;
const IS_CAPPED: bool = false;
const HAS_SUMS: bool = true;
const FINDS_LOWEST: bool = false;
const RANKS_TARGET: bool = false;
const TEAM_MEETS_IN_MEMORY: bool = false;
const HAS_TARGET_CLASS: bool = false;
const HAS_VALUES: bool = true;
const HAS_CLASS_WEIGHTS: bool = false;
const HAS_ROW_WEIGHTS: bool = false;
const IS_UPSTREAM_BUFFER: bool = false;
const IS_DIVIDED_BY_TOTALS: bool = true;
const DIVIDES_BY_SIZE: bool = false;
const gradient_BINDING: u32 = 2u;
const values_BINDING: u32 = 3u;
const totals_BINDING: u32 = 9u;

// ---- numeric.wgsl
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

// ---- parameters.wgsl
// What a dispatch over rows is told. Offsets and strides count elements from the binding's start.
struct RowParameters {
    rows: u32,
    classes: u32,
    inner: u32,       // rows side by side; 1 for (rows, classes)
    first_inner: u32, // place of the dispatch's first row among them
    logits_offset: u32,
    logits_stride: u32,
    gradient_offset: u32,
    gradient_stride: u32,
    targets_offset: u32,
    targets_stride: u32, // of what has a value for each logit
    record_offset: u32,
    state_offset: u32,
    upstream_offset: u32,
    upstream_stride: u32,
    totals_offset: u32,
    class_weights_offset: u32,
    row_weights_offset: u32,
    first_class: u32,   // class of column 0
    total_classes: u32, // of all parts
    ignore_index: i32,
    has_ignore_index: u32,
    parts: u32,       // partial states of each row
    part_stride: u32, // states from a part to the next
    part_classes: u32, // columns of a part of a row that is cut
    upstream: f32,
    target_share: f32,    // 1 - label smoothing
    smoothing_share: f32, // label smoothing / classes
    z_loss: f32,
    logit_scale: f32,
    softcap: f32,
    scale_per_softcap: f32,
    gamma: f32,      // of a focal loss
    top_k: u32,      // ranks that are correct
    loss_scale: f32, // of a loss at a temperature, which is 1 / logit_scale
    unit: f32,       // of a divergence's differences of logarithms: the temperature
    batch_size: f32, // what a mean over all rows, or all logits, is divided by
    zero: u32,       // 0, which no compiler knows
}

@group(0) @binding(0) var<uniform> parameters: RowParameters;

// Where a lane stands.
struct Place {
    row: u32,  // of the dispatch
    slot: u32, // the row's place in the workgroup
    lane: u32, // of the row
}

// ---- transform.wgsl
// What the logits go through before the softmax: logit_scale * x where IS_SCALED, and
// softcap * tanh(logit_scale * x / softcap) where it IS_CAPPED, too. Bits, since they may be special.

// Columns beyond the row's end stay -inf, whatever the transformation makes of it.
fn beyond_end(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    let columns = columns4(column);
    return select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), columns >= vec4<u32>(end));
}

// The stored logits in the order of the transformed ones, without ties made by rounding.
fn ranked(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    if !IS_SCALED { return bits; }
    var ranked = bits;
    if parameters.logit_scale < 0.0 {
        ranked = bits ^ vec4<u32>(0x80000000u);
    }
    if parameters.logit_scale == 0.0 {
        ranked = select(vec4<u32>(0u), vec4<u32>(BITS_NAN), (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY));
    }
    return beyond_end(ranked, column, end);
}

// logit_scale times an infinite or NaN logit.
fn scaled_special(bits: vec4<u32>) -> vec4<u32> {
    var scaled = bits;
    if parameters.logit_scale < 0.0 {
        scaled = bits ^ vec4<u32>(0x80000000u);
    }
    let is_nan = (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(BITS_INFINITY);
    return select(scaled, vec4<u32>(BITS_NAN), is_nan | vec4<bool>(parameters.logit_scale == 0.0));
}

// Stored logits as they enter the softmax.
fn transformed(bits: vec4<u32>, column: u32, end: u32) -> vec4<u32> {
    if !IS_SCALED { return bits; }
    let is_special = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY);
    let special = scaled_special(bits);
    if !IS_CAPPED {
        let scaled = bitcast<vec4<u32>>(bitcast<vec4<f32>>(bits) * parameters.logit_scale);
        return beyond_end(select(scaled, special, is_special), column, end);
    }
    let capped = parameters.softcap * tanh_of(bitcast<vec4<f32>>(bits) * parameters.scale_per_softcap);
    let is_nan = (special & vec4<u32>(0x7fffffffu)) > vec4<u32>(BITS_INFINITY);
    let limit = vec4<u32>(bitcast<u32>(parameters.softcap)) | (special & vec4<u32>(0x80000000u));
    let capped_special = select(limit, special, is_nan);
    return beyond_end(select(bitcast<vec4<u32>>(capped), capped_special, is_special), column, end);
}

// What the gradient of every class of a row is multiplied by.
fn chain_factor() -> f32 {
    return select(1.0, parameters.logit_scale, IS_SCALED && !IS_CAPPED);
}

// What that of each class is multiplied by: under a cap logit_scale (1 - tanh^2).
fn chained(gradient: vec4<f32>, bits: vec4<u32>) -> vec4<f32> {
    if !IS_CAPPED { return gradient; }
    let is_special = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(BITS_INFINITY);
    let u = select(bitcast<vec4<f32>>(bits), vec4<f32>(0.0), is_special) * parameters.scale_per_softcap;
    let factor = parameters.logit_scale * one_minus_tanh_squared(u);
    return gradient * select(factor, vec4<f32>(0.0), is_special);
}

// ---- record/write.wgsl
// Records of the rows, RECORD_WORDS words each: a word that is not asked for has no place.
@group(0) @binding(4) var<storage, read_write> records: array<u32>;

fn record_write(place: Place, word: u32, bits: u32) {
    if word < RECORD_WORDS {
        records[parameters.record_offset + place.row * RECORD_WORDS + word] = bits;
    }
}

// ---- state.wgsl
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

// ---- row.wgsl
// A row of logits, and what it is compared with.
const NO_TARGET: u32 = 0xffffffffu;

struct Row {
    end: u32,           // columns to read: 0 for a row that nothing depends on
    target_column: u32, // NO_TARGET where there is none
    target_bits: u32,   // the target's logit, in its owner
    class_weight: f32,  // of the target; 0 where there is none
    weight: f32,
    closes: bool,       // this lane writes the row's results
    is_counted: bool,
    is_valid: bool,     // the target is a class, or ignored
}

fn row_open(place: Place) -> Row {
    var row = Row(0u, NO_TARGET, 0u, 0.0, 0.0, false, false, true);
    if place.row >= parameters.rows {
        return row;
    }
    row.weight = row_weight(place.row);
    row_target(&row, place);
    if row.is_counted || READS_IGNORED_ROWS {
        row.end = columns();
    }
    return row;
}

// The target's own coefficient in the loss, beside what label smoothing gives to every class.
fn target_coefficient(row: Row) -> f32 {
    return parameters.target_share * row.class_weight;
}

// A row is gone over by one team; or, where it IS_SPLIT, it is cut into parts of part_classes columns,
// each gone over by a team of its own: neighbouring teams have the same part of neighbouring rows.
var<private> row_part: u32;

fn place_at(index: u32, slot: u32, lane: u32) -> Place {
    if !IS_SPLIT { return Place(index, slot, lane); }
    row_part = index / parameters.rows;
    let row = select(index % parameters.rows, parameters.rows, row_part >= parameters.parts);
    return Place(row, slot, lane);
}

// The row's column that is column 0 here.
fn first_column() -> u32 {
    if !IS_SPLIT { return 0u; }
    return row_part * parameters.part_classes;
}

// Where the elements gone over start, of a row that starts there.
fn part_start(start: u32) -> u32 {
    if !IS_SPLIT { return start; }
    return element_at(start, first_column());
}

fn columns() -> u32 {
    if !IS_SPLIT { return parameters.classes; }
    return min(parameters.part_classes, parameters.classes - first_column());
}

fn state_index(place: Place) -> u32 {
    if !IS_SPLIT { return parameters.state_offset + place.row; }
    return parameters.state_offset + row_part * parameters.part_stride + place.row;
}

// ---- softmax_loss/row.wgsl
// The softmax of a row at a temperature, its loss, and what its gradient is multiplied by.

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

// Of four classes, for one row: what they add to its loss, and the derivative of that in log p.
struct Terms {
    value: vec4<f32>,
    slope: vec4<f32>,
    p: vec4<f32>,
    flags: u32,
}

// The same of the whole row.
struct Totals {
    value: f32,
    slope: f32,
    flags: u32,
}

fn row_is_special(student: Softmax, teacher: Softmax) -> bool {
    return state_is_special(student.state) || (HAS_TEACHER && state_is_special(teacher.state));
}

fn row_is_hidden(row: Row, flags: u32) -> bool {
    return MASKED && (row.weight == 0.0 || (flags & FLAG_CONTRIBUTES) == 0u);
}

// v L, for the lane that closes the row.
fn row_close(place: Place, row: Row, is_special: bool, totals: Totals) {
    if !row.closes { return; }
    record_write(place, WORD_LOSS, row_loss_bits(row, is_special, totals));
}

fn row_loss_bits(row: Row, is_special: bool, totals: Totals) -> u32 {
    if !row.is_counted { return 0u; }
    if !row.is_valid { return BITS_NAN; }
    if row_is_hidden(row, totals.flags) { return 0u; }
    if is_special { return BITS_NAN; }
    let infinite = totals.flags & (FLAG_POSITIVE | FLAG_NEGATIVE | FLAG_UNDEFINED);
    if infinite != 0u {
        if row.weight == 0.0 || (infinite != FLAG_POSITIVE && infinite != FLAG_NEGATIVE) { return BITS_NAN; }
        return select(BITS_NEGATIVE_INFINITY, BITS_INFINITY, (infinite == FLAG_POSITIVE) == (row.weight > 0.0));
    }
    return bitcast<u32>(row.weight * (parameters.loss_scale * totals.value));
}

// What the derivatives in log p are multiplied by, and whether the row's whole gradient is NaN.
struct Factor {
    factor: f32,
    is_nan: bool,
}

fn row_factor(place: Place, row: Row, is_special: bool, flags: u32) -> Factor {
    if !row.is_valid { return Factor(0.0, true); }
    if !row.is_counted { return Factor(0.0, is_special && !MASKED); }
    if row_is_hidden(row, flags) { return Factor(0.0, false); }
    let denominators = denominators();
    // Slopes of divergences are in units of the temperature.
    let of_slope = select(parameters.logit_scale, 1.0, HAS_TEACHER);
    let chain = parameters.loss_scale * of_slope;
    let weight = row.weight * denominators.scale.x;
    let factor = divided(upstream_of(place), weight, chain, denominators.sums.x, denominators.scale.x);
    return Factor(factor, is_special || denominators.sums.x == 0.0);
}

// ---- softmax_loss/run.wgsl
// The states of the row, and of the teacher's where there is one; then the loss and the gradient. A
// row that is HELD is read once; a longer one again, from the cache.
fn run(place: Place) {
    let row = row_open(place);
    let start = logits_start(place.row);
    let blocks = block_count(row);
    var held: Block;
    var others: Block;
    var student = STATE_EMPTY;
    var teacher = STATE_EMPTY;
    for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
        var partial = STATE_EMPTY;
        var teacher_partial = STATE_EMPTY;
        for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
            let first = b * BLOCK_COLUMNS;
            logits_block(&held, start, first, place.lane, row.end);
            partial = block_state(&held, partial);
            if HAS_TEACHER {
                others_block(&others, place, first, row.end);
                teacher_partial = block_state(&others, teacher_partial);
            }
        }
        if HELD {
            student = partial;
            teacher = teacher_partial;
        } else {
            student = state_merge(student, partial);
            if HAS_TEACHER { teacher = state_merge(teacher, teacher_partial); }
        }
    }
    student = team_merge(place, logits_refined(student, start, place.lane, row.end));
    if HAS_TEACHER {
        if TEAM_MEETS_IN_MEMORY { workgroupBarrier(); } // the student's state has been read
        teacher = team_merge(place, others_refined(teacher, place, row.end));
    }
    row_finish(place, row, softmax_of(student), softmax_of(teacher), &held, &others);
}

// The gradient of four classes.
fn gradient_write(place: Place, row: Row, column: u32, values: vec4<f32>, is_nan: bool) {
    let bits = select(bitcast<vec4<u32>>(values), vec4<u32>(BITS_NAN), vec4<bool>(is_nan));
    store4(gradient_start(place.row), column, row.end, bits);
}

// A block: VECTORS vectors of four logits for each of the row's LANES lanes, as they are stored.

alias Block = array<vec4<f32>, VECTORS>;

const BLOCK_COLUMNS: u32 = 4u * VECTORS * LANES;

// Blocks whose sum is taken by itself before it joins the row's: the error of a long sum grows with
// the number of its terms.
const BLOCKS_OF_PART: u32 = 16u;

fn logits_start(row: u32) -> u32 {
    return part_start(row_start(parameters.logits_offset, parameters.logits_stride, row));
}

fn block_column(k: u32, lane: u32) -> u32 {
    return 4u * (k * LANES) + lane_column(lane);
}

fn block_count(row: Row) -> u32 {
    if HELD { return 1u; }
    return (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
}

// `state` after the block. NaN and +inf are told by their bits.
fn block_state(block: ptr<function, Block>, state: vec2<f32>) -> vec2<f32> {
    var greatest = vec4<f32>(LOWEST);
    var largest_signed = vec4<i32>(i32(-0x80000000));
    var largest_unsigned = vec4<u32>(0u);
    for (var k = 0u; k < VECTORS; k++) {
        let bits = bitcast<vec4<u32>>((*block)[k]);
        greatest = max(greatest, (*block)[k]);
        largest_signed = max(largest_signed, bitcast<vec4<i32>>(bits));
        largest_unsigned = max(largest_unsigned, bits);
    }
    let of_block = max(max(greatest.x, greatest.y), max(greatest.z, greatest.w));
    // A compiler that assumes finite numbers may have dropped the floor at LOWEST.
    let maximum = max(state.x, select(of_block, LOWEST, bitcast<u32>(of_block) == BITS_NEGATIVE_INFINITY));
    var all = vec4<f32>(0.0);
    var below = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let e = exp_nonpositive(((*block)[k] - maximum) * parameters.logit_scale);
        all += e;
        below += select(e, vec4<f32>(0.0), e == vec4<f32>(1.0));
    }
    // Elements equal to the maximum are counted, not summed, so that r is not rounded to their size.
    let sum_below = (below.x + below.y) + (below.z + below.w);
    let at_maximum = round((all.x + all.y) + (all.z + all.w) - sum_below);
    let rescale = exp_apart(state.x, maximum);
    let r = fma(state.y, rescale, sum_below) + ((at_maximum - 1.0) + rescale);
    let signed = max(max(largest_signed.x, largest_signed.y), max(largest_signed.z, largest_signed.w));
    let unsigned = max(max(largest_unsigned.x, largest_unsigned.y), max(largest_unsigned.z, largest_unsigned.w));
    let infinite = select(0.0, R_INFINITE, signed == i32(BITS_INFINITY));
    let seen = select(infinite, R_NAN, signed > i32(BITS_INFINITY) || unsigned > BITS_NEGATIVE_INFINITY);
    let special = min(state.y, seen);
    return vec2<f32>(maximum, select(r, special, special < -1.5));
}

// ---- softmax_loss/load.wgsl for logits
// The lane's logits of a block; -inf beyond the row's end.
fn logits_block(block: ptr<function, Block>, start: u32, first: u32, lane: u32, end: u32) {
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, lane);
        var bits = vec4<u32>(BITS_NEGATIVE_INFINITY);
        if column < end {
            bits = logits_load4(start, column, end);
        }
        (*block)[k] = bitcast<vec4<f32>>(bits);
    }
}

// The state of a lane that has seen all its columns, without the rounding of x - m where that would
// show: where all but the maximum lie far below it. Rare.
fn logits_refined(state: vec2<f32>, start: u32, lane: u32, end: u32) -> vec2<f32> {
    const STEP = 4u * LANES;
    const PART = 64u * STEP; // a sum of short sums
    var r = state.y;
    if r > 0.0 && r < 1e-9 {
        var sum = vec4<f32>(0.0);
        for (var part = lane_column(lane); part < end; part += PART) {
            var partial = vec4<f32>(0.0);
            for (var column = part; column < min(part + PART, end); column += STEP) {
                let x = bitcast<vec4<f32>>(logits_load4(start, column, end));
                let is_far = (x - state.x) * parameters.logit_scale < vec4<f32>(-1.0);
                partial += select(vec4<f32>(0.0), exp_distance(x, vec4<f32>(state.x)), is_far);
            }
            sum += partial;
        }
        r = (sum.x + sum.y) + (sum.z + sum.w);
    }
    return vec2<f32>(state.x, r);
}

// ---- layout/rows.wgsl
// (rows, classes): the classes of a row are neighbours. Each layout defines row_start, element_at and
// IS_STRIDED, and place_of where lanes are counted across the rows of a workgroup.
const IS_STRIDED: bool = false;

fn row_start(offset: u32, stride: u32, row: u32) -> u32 {
    return offset + row * stride;
}

fn element_at(start: u32, column: u32) -> u32 {
    return start + column;
}

fn place_of(index: u32) -> vec2<u32> {
    return vec2<u32>(index / LANES, index % LANES);
}

// ---- columns.wgsl
// Which columns a lane's vector has: four neighbours, and the next lane the next four; or, where it
// IS_INTERLEAVED, four that lie LANES apart, so that with scalar access neighbouring lanes read and write side
// by side, which moves the same bytes as vectors would. The choice depends on the number of classes and the
// element type alone, since the order of a sum does.
fn lane_column(lane: u32) -> u32 {
    if IS_INTERLEAVED { return lane; }
    return 4u * lane;
}

// The columns of the vector that starts at `column`.
fn columns4(column: u32) -> vec4<u32> {
    if IS_INTERLEAVED { return vec4<u32>(column) + LANES * vec4<u32>(0u, 1u, 2u, 3u); }
    return vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u);
}

// The lane that has a column.
fn column_owner(column: u32) -> u32 {
    if IS_INTERLEAVED { return column % LANES; }
    return (column / 4u) % LANES;
}

// ---- weights.wgsl
// The weights of classes and of rows, 1 where there are none.
fn class_weight(index: u32) -> f32 {
    if !HAS_CLASS_WEIGHTS { return 1.0; }
    return bitcast<f32>(class_weights_at(parameters.class_weights_offset + index));
}

fn row_weight(row: u32) -> f32 {
    if !HAS_ROW_WEIGHTS { return 1.0; }
    return bitcast<f32>(row_weights_at(parameters.row_weights_offset + row));
}

// ---- operand/absent.wgsl for class_weights
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn class_weights_at(index: u32) -> u32 {
    return 0u;
}

fn class_weights_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn class_weights_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn class_weights_of_run(start: u32) -> u32 {
    return 0u;
}

fn class_weights4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn class_weights1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn class_weights_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn class_weights_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

// ---- operand/absent.wgsl for row_weights
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn row_weights_at(index: u32) -> u32 {
    return 0u;
}

fn row_weights_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn row_weights_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn row_weights_of_run(start: u32) -> u32 {
    return 0u;
}

fn row_weights4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn row_weights1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn row_weights_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn row_weights_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

// ---- upstream.wgsl
// The upstream gradient of a row: a parameter, or on the device, where it IS_UPSTREAM_BUFFER, one value for each
// row or one for all (stride 0).
fn upstream_of(place: Place) -> f32 {
    if !IS_UPSTREAM_BUFFER { return parameters.upstream; }
    return bitcast<f32>(upstream_at(parameters.upstream_offset + place.row * parameters.upstream_stride));
}

// ---- denominator.wgsl
// What a mean is divided by, of the loss and of the z-loss: where it IS_DIVIDED_BY_TOTALS, what an earlier dispatch
// computed; else what is known beforehand, the size of the batch (DIVIDES_BY_SIZE) or 1.

// `scale` is 1, but smaller where a quotient by the sum of such weights would leave the range of f32
// though its product with one of them does not: then `sums` holds the sum times `scale`, and so must be
// what a quotient is multiplied by.
struct Denominators {
    sums: vec2<f32>,
    scale: vec2<f32>,
}

const LARGE_DENOMINATOR: u32 = 0x6c800000u; // 2^90

fn denominators() -> Denominators {
    if !IS_DIVIDED_BY_TOTALS {
        return Denominators(vec2<f32>(select(1.0, parameters.batch_size, DIVIDES_BY_SIZE)), vec2<f32>(1.0));
    }
    let at = parameters.totals_offset;
    let words = vec2<u32>(totals_at(at + TOTALS_DENOMINATOR), totals_at(at + TOTALS_ROW_WEIGHT));
    let exponents = (vec2<i32>(bitcast<i32>(totals_at(at + TOTALS_EXPONENTS))) << vec2<u32>(16u, 0u)) >> vec2<u32>(16u);
    var all = Denominators(bitcast<vec2<f32>>(words), vec2<f32>(1.0));
    for (var k = 0u; k < 2u; k++) {
        let magnitude = words[k] & 0x7fffffffu;
        if magnitude < 0x7f800000u && (magnitude >= LARGE_DENOMINATOR || exponents[k] != 0) {
            all.sums[k] = times_power_of_two(bitcast<f32>(words[k]), exponents[k] - 64);
            all.scale[k] = 0x1p-64f;
        }
    }
    return all;
}

fn divided(upstream: f32, weight: f32, chain: f32, denominator: f32, scale: f32) -> f32 {
    if !IS_DIVIDED_BY_TOTALS && !DIVIDES_BY_SIZE { return upstream * weight * chain; }
    if scale != 1.0 { return upstream * chain / denominator * weight; }
    return upstream * weight * chain / denominator;
}

// ---- totals/layout.wgsl
// The reduced results of a batch: eight words.
const TOTALS_LOSS: u32 = 0u;               // f32
const TOTALS_Z_LOSS: u32 = 1u;             // f32, its part of the loss
const TOTALS_DENOMINATOR: u32 = 2u;        // f32, of the loss without the z-loss
const TOTALS_ROW_WEIGHT: u32 = 3u;         // f32, the denominator of the z-loss
const TOTALS_COUNTED: u32 = 4u;            // u32
const TOTALS_CORRECT: u32 = 5u;            // u32
const TOTALS_FIRST_INVALID_ROW: u32 = 6u;  // u32, 0xffffffff where every target is valid
const TOTALS_EXPONENTS: u32 = 7u;          // i16 each: the powers of two that multiply the denominators

// ---- sum/power_of_two.wgsl
// 2^n, for n that have one in the range of f32; the nearest of them for others.
fn power_of_two(n: i32) -> f32 {
    return bitcast<f32>(bitcast<u32>(clamp(n, -126, 127) + 127) << 23u);
}

// x * 2^n, rounded once.
fn times_power_of_two(x: f32, n: i32) -> f32 {
    let half = clamp(n, -252, 252) / 2;
    return x * power_of_two(half) * power_of_two(clamp(n, -252, 252) - half);
}

// ---- operand/absent.wgsl for upstream
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn upstream_at(index: u32) -> u32 {
    return 0u;
}

fn upstream_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn upstream_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn upstream_of_run(start: u32) -> u32 {
    return 0u;
}

fn upstream4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn upstream1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn upstream_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn upstream_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

// ---- operand/read.wgsl for totals
// A buffer that is read: _at gives one of its elements. Its number is the prelude's, its element type
// that of the loads.
@group(0) @binding(totals_BINDING) var<storage, read> totals: array<totals_Stored>;

fn totals_at(index: u32) -> totals_Stored {
    return totals[index];
}

// ---- element/words_plain.wgsl for totals
// Both files of words define totals_Stored and totals_word, for element/load_scalar.wgsl. Here nobody else
// writes a word while it is read.
alias totals_Stored = u32;

fn totals_word(index: u32) -> u32 {
    return totals[index];
}

// ---- element/f32.wgsl
// f32: a value is a word, and kernels compute with its bits. Each type's file defines Vector_, PER_WORD_,
// widened_, vector_widened_ and vector_narrowed_ of its name, for the files that load and store.
alias Vector_f32 = vec4<u32>; // four values
const PER_WORD_f32: u32 = 1u;

fn widened_f32(word: u32, element: u32) -> u32 {
    return word;
}

fn vector_widened_f32(stored: vec4<u32>) -> vec4<u32> {
    return stored;
}

fn vector_narrowed_f32(bits: vec4<u32>) -> vec4<u32> {
    return bits;
}

// ---- element/load_vector.wgsl for logits
// The files that load an logits define logits_load4, of four columns, and logits_load1, of one, both as bits
// of f32. Here values are read four at a time: row starts, row strides and the number of classes are
// multiples of four, so a vector lies wholly inside its row.
alias logits_Stored = Vector_f32;

fn logits_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vector_widened_f32(logits[(start + column) / 4u]);
}

fn logits_load1(start: u32, column: u32) -> u32 {
    let element = start + column;
    return vector_widened_f32(logits[element / 4u])[element % 4u];
}

// ---- team/subgroup.wgsl
// LANES lanes of one subgroup share a row; LANES is at most the least subgroup size, the workgroup
// a multiple of the largest. The subgroup's own numbering places the lanes: nothing says that
// local_invocation_index runs along subgroups.

@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) size: u32,
    @builtin(subgroup_invocation_id) invocation: u32,
) {
    let index = subgroup * size + invocation;
    let slot = index / LANES;
    run(place_at(workgroup.x * ROWS + slot, slot, index % LANES));
}

fn team_merge(place: Place, state: vec2<f32>) -> vec2<f32> {
    var merged = state;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        merged = state_merge(merged, subgroupShuffleXor(merged, distance));
    }
    return merged;
}

fn team_lowest(place: Place, value: u32) -> u32 {
    var lowest = value;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        lowest = min(lowest, subgroupShuffleXor(lowest, distance));
    }
    return lowest;
}

// Every lane adds the same pairs in the same order up to exchange, so all get the same bits.
fn team_sum(place: Place, values: vec4<f32>) -> vec4<f32> {
    var sum = values;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        sum += subgroupShuffleXor(sum, distance);
    }
    return sum;
}

fn team_or(place: Place, flags: u32) -> u32 {
    var all = flags;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        all |= subgroupShuffleXor(all, distance);
    }
    return all;
}

fn team_count(place: Place, count: u32) -> u32 {
    var all = count;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        all += subgroupShuffleXor(all, distance);
    }
    return all;
}

// ---- row_loss/kl_divergence.wgsl
// Both divergences define row_loss, of four classes, and without_class and beyond_numbers for those that numbers do
// not reach. Kullback-Leibler divergence of each class: p_t (d - 1 + exp(-d)) with d = log p_t - log p_s, never
// negative, adds up to that of sum p_t d and loses no digit where d is small. The slope is the
// gradient p_s - p_t itself. Slopes are multiples of parameters.unit, values of its square, and so d
// comes in these units, too: it and its square may be too small for a number where these are not.
fn row_loss(p: vec4<f32>, q: vec4<f32>, d: vec4<f32>, in_units: vec4<f32>) -> Terms {
    let unit = parameters.unit;
    let near = clamp(d, vec4<f32>(-1.0), vec4<f32>(1.0));
    let is_near = near == d;
    let ratio = excess_ratio(near);
    let first = q * in_units;
    let value = select(fma(q, d - 1.0, p) * (unit * unit), first * (in_units * ratio), is_near);
    let slope = select((p - q) * unit, first * fma(near, ratio, vec4<f32>(-1.0)), is_near);
    return Terms(value, slope, p, FLAG_CONTRIBUTES);
}

// Where one of the probabilities is 0 because its logit is -inf.
fn without_class(terms: Terms, p: vec4<f32>, q: vec4<f32>, student_has_none: vec4<bool>, teacher_has_none: vec4<bool>) -> Terms {
    let has_none = student_has_none | teacher_has_none;
    let is_infinite = any(student_has_none & !teacher_has_none);
    return Terms(
        select(terms.value, p * (parameters.unit * parameters.unit), has_none),
        select(terms.slope, (p - q) * parameters.unit, has_none),
        p,
        terms.flags | select(0u, FLAG_POSITIVE, is_infinite),
    );
}

// Where d is more than a number can be: a quarter of q d.
fn beyond_numbers(terms: Terms, quarter: vec4<f32>, is_beyond: vec4<bool>) -> Terms {
    let is_infinite = is_beyond & (quarter > vec4<f32>(-0.25 * LOWEST));
    let value = 4.0 * select(quarter, vec4<f32>(0.0), is_infinite);
    return Terms(
        select(terms.value, value, is_beyond),
        terms.slope,
        terms.p,
        terms.flags | select(0u, FLAG_POSITIVE, any(is_infinite)),
    );
}

// ---- element/load_vector.wgsl for values
// The files that load an values define values_load4, of four columns, and values_load1, of one, both as bits
// of f32. Here values are read four at a time: row starts, row strides and the number of classes are
// multiples of four, so a vector lies wholly inside its row.
alias values_Stored = Vector_f32;

fn values_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vector_widened_f32(values[(start + column) / 4u]);
}

fn values_load1(start: u32, column: u32) -> u32 {
    let element = start + column;
    return vector_widened_f32(values[element / 4u])[element % 4u];
}

// ---- operand/read.wgsl for values
// A buffer that is read: _at gives one of its elements. Its number is the prelude's, its element type
// that of the loads.
@group(0) @binding(values_BINDING) var<storage, read> values: array<values_Stored>;

fn values_at(index: u32) -> values_Stored {
    return values[index];
}

// ---- values.wgsl
// What has a value for each logit, where one HAS_VALUES: probabilities as targets, or an upstream gradient.

// 0 beyond the row's end.
fn values_of_classes(place: Place, column: u32, end: u32) -> vec4<f32> {
    if !HAS_VALUES { return vec4<f32>(0.0); }
    let columns = columns4(column);
    if min(columns.x, columns.y) >= end { return vec4<f32>(0.0); }
    let start = part_start(row_start(parameters.targets_offset, parameters.targets_stride, place.row));
    let bits = values_load4(start, column, end);
    return bitcast<vec4<f32>>(select(vec4<u32>(0u), bits, columns < vec4<u32>(end)));
}

// ---- operand/absent.wgsl for targets
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn targets_at(index: u32) -> u32 {
    return 0u;
}

fn targets_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn targets_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn targets_of_run(start: u32) -> u32 {
    return 0u;
}

fn targets4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn targets1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn targets_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn targets_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

// ---- target/of_row.wgsl
// A target class, where a row HAS_TARGET_CLASS; else no class is special, and every row counts. row_open calls
// row_target, and whoever ranks a target row_label.
//
// The lane that writes the target column's gradient reads that logit before the gradient can take its place,
// and writes the row's results: no other lane needs it.
fn row_target(row: ptr<function, Row>, place: Place) {
    if !HAS_TARGET_CLASS {
        (*row).is_counted = true;
        (*row).closes = place.lane == 0u;
        return;
    }
    let label = bitcast<i32>(row_label(place));
    (*row).is_counted = parameters.has_ignore_index == 0u || label != parameters.ignore_index;
    (*row).is_valid = !(*row).is_counted || (label >= 0 && u32(label) < parameters.total_classes);
    var owner = 0u;
    // Below the part's first class this wraps beyond its last.
    let column = u32(label) - parameters.first_class - first_column();
    if (*row).is_counted && (*row).is_valid {
        (*row).class_weight = class_weight(u32(label));
    }
    if (*row).is_counted && (*row).is_valid && column < columns() {
        (*row).target_column = column;
        owner = column_owner(column + gradient_shift(place.row));
        if place.lane == owner {
            let stored = logits_load1(logits_start(place.row), column);
            (*row).target_bits = transformed(vec4<u32>(stored), 0u, 4u).x;
        }
    }
    (*row).closes = place.lane == owner;
}

// The class that the target is.
fn row_label(place: Place) -> u32 {
    if !HAS_TARGET_CLASS { return NO_TARGET; }
    return targets_at(parameters.targets_offset + place.row);
}

// Columns by which the gradient's vectors start early, so that they lie on whole words of halves: the
// row's first vector then has a column less, and only its ends share words with other rows.
fn gradient_shift(row: u32) -> u32 {
    if !IS_SHIFTED { return 0u; }
    return gradient_start(row) % 2u;
}

// ---- softmax_loss/teacher.wgsl
// The teacher's logits, shaped as the student's.
fn values_start(row: u32) -> u32 {
    return part_start(row_start(parameters.targets_offset, parameters.targets_stride, row));
}

fn others_block(block: ptr<function, Block>, place: Place, first: u32, end: u32) {
    values_block(block, values_start(place.row), first, place.lane, end);
}

fn others_refined(state: vec2<f32>, place: Place, end: u32) -> vec2<f32> {
    return values_refined(state, values_start(place.row), place.lane, end);
}

// A teacher's softmax: d = log p_t - log p_s from the difference of the logits, less a shift that all
// classes have in common. Where a compiler may not assume so, everything is finite.

// T d but for the shift: from the difference of the logits, which loses no digit where the two are
// close; where they are far apart, from their distances to their maxima.
fn logits_apart(student: Softmax, teacher: Softmax, x: vec4<f32>, other: vec4<f32>) -> vec4<f32> {
    let apart = teacher.state.x - student.state.x;
    if abs(apart) > 64.0 {
        let least = vec4<f32>(LOWEST);
        return max(other - teacher.state.x, least) - max(x - student.state.x, least);
    }
    return (other - x) - apart;
}

// Of classes.
struct Pair {
    p: vec4<f32>,
    q: vec4<f32>,
    student_has_none: vec4<bool>,
    teacher_has_none: vec4<bool>,
    in_units: vec4<f32>, // d in units
    d: vec4<f32>,
}

fn pair4(student: Softmax, teacher: Softmax, shift: f32, x: vec4<f32>, other: vec4<f32>) -> Pair {
    let negative_infinity = vec4<u32>(BITS_NEGATIVE_INFINITY);
    let student_has_none = bitcast<vec4<u32>>(x) == negative_infinity;
    let teacher_has_none = bitcast<vec4<u32>>(other) == negative_infinity;
    // Finite, so that nothing below is inf - inf.
    let least = vec4<f32>(LOWEST);
    let distance = max(distances(student, x), least);
    let other_distance = max(distances(teacher, other), least);
    let p = select(exp_nonpositive(distance), vec4<f32>(0.0), student_has_none) * student.inverse_total;
    let q = select(exp_nonpositive(other_distance), vec4<f32>(0.0), teacher_has_none) * teacher.inverse_total;
    let apart = logits_apart(student, teacher, x, other) - shift;
    let in_units = select(apart, vec4<f32>(0.0), student_has_none | teacher_has_none);
    let d = clamp(in_units * parameters.logit_scale, least, -least);
    return Pair(p, q, student_has_none, teacher_has_none, in_units, d);
}

fn terms4(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    shift: f32,
    column: u32,
    x: vec4<f32>,
    other: vec4<f32>,
) -> Terms {
    let pair = pair4(student, teacher, shift, x, other);
    let has_none = pair.student_has_none | pair.teacher_has_none;
    var terms = row_loss(pair.p, pair.q, pair.d, pair.in_units);
    if any(has_none) {
        terms = without_class(terms, pair.p, pair.q, pair.student_has_none, pair.teacher_has_none);
    }
    let is_beyond = pair.d == vec4<f32>(-LOWEST);
    if any(is_beyond) {
        // The teacher's own distance is nothing beside the student's, where q is not 0.
        let quarter = 0.25 * student.state.x - 0.25 * x;
        terms = beyond_numbers(terms, (pair.q * parameters.unit) * quarter, is_beyond);
    }
    return terms;
}

// (d - 1 + exp(-d)) / d^2 for |d| <= 1, without cancellation: a polynomial of relative error 2e-8.
fn excess_ratio(d: vec4<f32>) -> vec4<f32> {
    var g = fma(d, vec4<f32>(-2.8126547e-6), vec4<f32>(2.5358644e-5));
    g = fma(d, g, vec4<f32>(-0.00019836986));
    g = fma(d, g, vec4<f32>(0.0013885394));
    g = fma(d, g, vec4<f32>(-0.008333345));
    g = fma(d, g, vec4<f32>(0.041666735));
    g = fma(d, g, vec4<f32>(-0.16666667));
    return fma(d, g, vec4<f32>(0.5));
}

// What all differences of a row's logits from its teacher's have in common: T times the logarithm of
// the ratio of both sums. Where the two are close, a difference of logarithms near log C is too coarse:
// it follows there from sum_c q_c exp(-d_c) = 1, with the digits of the differences themselves.

// At temperatures from 16 on rows count as close; below, where their sums' logarithms agree so well.
const WARM: f32 = 0.0625;
const AGREEMENT: f32 = 4096.0;

fn row_shift(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    held: ptr<function, Block>,
    others: ptr<function, Block>,
) -> f32 {
    let is_special = row_is_special(student, teacher);
    let is_greater = teacher.state.y >= student.state.y;
    let inverse = select(teacher.inverse_total, student.inverse_total, is_greater);
    let size = log1p_nonnegative(abs(teacher.state.y - student.state.y) * inverse);
    let is_close = parameters.logit_scale <= WARM || size * AGREEMENT <= student.log_total + teacher.log_total;
    // Near classes: how much exp(-d) makes of q too much, in units, and p.
    var sums = vec2<f32>(0.0);
    if is_close && !is_special {
        let start = logits_start(place.row);
        let blocks = block_count(row);
        for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
            var surplus = vec4<f32>(0.0);
            var near = vec4<f32>(0.0);
            for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
                let first = b * BLOCK_COLUMNS;
                if !HELD {
                    logits_block(held, start, first, place.lane, row.end);
                    others_block(others, place, first, row.end);
                }
                for (var k = 0u; k < VECTORS; k++) {
                    if first + block_column(k, place.lane) < row.end {
                        let pair = pair4(student, teacher, 0.0, (*held)[k], (*others)[k]);
                        let d = clamp(pair.d, vec4<f32>(-1.0), vec4<f32>(1.0));
                        let is_near = (d == pair.d) & !(pair.student_has_none | pair.teacher_has_none);
                        let of_near = pair.q * pair.in_units * fma(d, excess_ratio(d), vec4<f32>(-1.0));
                        surplus += select((pair.p - pair.q) * parameters.unit, of_near, is_near);
                        near += select(vec4<f32>(0.0), pair.p, is_near);
                    }
                }
            }
            sums += vec2<f32>((surplus.x + surplus.y) + (surplus.z + surplus.w), (near.x + near.y) + (near.z + near.w));
        }
    }
    let all = team_sum(place, vec4<f32>(sums, 0.0, 0.0));
    if TEAM_MEETS_IN_MEMORY { workgroupBarrier(); } // the sums have been read
    // Where most of the student lies far from the teacher, the difference of logarithms does.
    if all.y < 0.5 { return parameters.unit * select(-size, size, is_greater); }
    let ratio = (all.x / all.y) * parameters.logit_scale;
    return -parameters.unit * log_positive(1.0 + ratio, ratio);
}

// ---- softmax_loss/load.wgsl for values
// The lane's logits of a block; -inf beyond the row's end.
fn values_block(block: ptr<function, Block>, start: u32, first: u32, lane: u32, end: u32) {
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, lane);
        var bits = vec4<u32>(BITS_NEGATIVE_INFINITY);
        if column < end {
            bits = values_load4(start, column, end);
        }
        (*block)[k] = bitcast<vec4<f32>>(bits);
    }
}

// The state of a lane that has seen all its columns, without the rounding of x - m where that would
// show: where all but the maximum lie far below it. Rare.
fn values_refined(state: vec2<f32>, start: u32, lane: u32, end: u32) -> vec2<f32> {
    const STEP = 4u * LANES;
    const PART = 64u * STEP; // a sum of short sums
    var r = state.y;
    if r > 0.0 && r < 1e-9 {
        var sum = vec4<f32>(0.0);
        for (var part = lane_column(lane); part < end; part += PART) {
            var partial = vec4<f32>(0.0);
            for (var column = part; column < min(part + PART, end); column += STEP) {
                let x = bitcast<vec4<f32>>(values_load4(start, column, end));
                let is_far = (x - state.x) * parameters.logit_scale < vec4<f32>(-1.0);
                partial += select(vec4<f32>(0.0), exp_distance(x, vec4<f32>(state.x)), is_far);
            }
            sum += partial;
        }
        r = (sum.x + sum.y) + (sum.z + sum.w);
    }
    return vec2<f32>(state.x, r);
}

// ---- softmax_loss/of_terms.wgsl
// A loss with a term for each class: u_c its derivative in log p_c, the gradient is
// u_c - p_c sum_k u_k. Where KNOWS_SUM that sum needs no sweep of its own, and the slopes are
// gradients already.
fn row_finish(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    held: ptr<function, Block>,
    others: ptr<function, Block>,
) {
    let is_special = row_is_special(student, teacher);
    let start = logits_start(place.row);
    let blocks = block_count(row);
    let shift = row_shift(place, row, student, teacher, held, others);
    var early = Factor(0.0, false);
    if KNOWS_SUM { early = row_factor(place, row, is_special, FLAG_CONTRIBUTES); }
    var value = 0.0;
    var slope = 0.0;
    var flags = 0u;
    // From the last block to the first, so that what the first sweep read last comes first.
    for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
        var values = vec4<f32>(0.0);
        var slopes = vec4<f32>(0.0);
        for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
            let first = (blocks - 1u - b) * BLOCK_COLUMNS;
            if !HELD {
                logits_block(held, start, first, place.lane, row.end);
                others_block(others, place, first, row.end);
            }
            for (var k = 0u; k < VECTORS; k++) {
                let column = first + block_column(k, place.lane);
                if column < row.end {
                    let terms = terms4(place, row, student, teacher, shift, column, (*held)[k], (*others)[k]);
                    values += terms.value;
                    slopes += terms.slope;
                    flags |= terms.flags;
                    if KNOWS_SUM {
                        gradient_write(place, row, column, early.factor * terms.slope, early.is_nan);
                    }
                }
            }
        }
        value += (values.x + values.y) + (values.z + values.w);
        slope += (slopes.x + slopes.y) + (slopes.z + slopes.w);
    }
    let sums = team_sum(place, vec4<f32>(value, slope, 0.0, 0.0));
    flags = team_or(place, flags);
    row_close(place, row, is_special, Totals(sums.x, sums.y, flags));
    if KNOWS_SUM || !HAS_GRADIENT { return; }

    let found = row_factor(place, row, is_special, flags);
    for (var b = 0u; b < blocks; b++) {
        let first = b * BLOCK_COLUMNS;
        if !HELD {
            logits_block(held, start, first, place.lane, row.end);
            others_block(others, place, first, row.end);
        }
        for (var k = 0u; k < VECTORS; k++) {
            let column = first + block_column(k, place.lane);
            if column < row.end {
                let terms = terms4(place, row, student, teacher, shift, column, (*held)[k], (*others)[k]);
                let gradient = found.factor * (terms.slope - terms.p * sums.y);
                gradient_write(place, row, column, gradient, found.is_nan);
            }
        }
    }
}

// ---- gradient/separate.wgsl
// Both files that say where a gradient goes declare the logits and define gradient_start, where a row of it
// starts. Here it has a buffer of its own.
@group(0) @binding(1) var<storage, read> logits: array<logits_Stored>;
@group(0) @binding(2) var<storage, read_write> gradient: array<gradient_Written>;

fn gradient_start(row: u32) -> u32 {
    return part_start(row_start(parameters.gradient_offset, parameters.gradient_stride, row));
}

// ---- element/store_vector.wgsl for gradient
// The files that store an gradient define gradient_store4, of four columns, and gradient_Written, what its buffer is
// an array of. Here values are written four at a time, as element/load_vector.wgsl reads them.
alias gradient_Written = Vector_f32;

fn gradient_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    gradient[(start + column) / 4u] = vector_narrowed_f32(bits);
}

// ---- element/store.wgsl for gradient
// Where a kernel's gradient goes: an gradient's store by the name that kernels call, and nothing else.
// Shorter than others for that.
fn store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    gradient_store4(start, column, end, bits);
}
