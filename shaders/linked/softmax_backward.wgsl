// wgpu-loss wgsl softmax --upstream
// softmax: 1 dispatch of 1 kernel
// buffer 0: logits, 4096000 bytes
// buffer 1: gradient, 4096000 bytes
// buffer 2: upstream gradient, 4096000 bytes

// ==== dispatch 1 of 1: wgpu-loss SoftmaxGradient Team Subgroup 32x8x8 Vector f32 gradient Separate(F32) upstream Scalar
// workgroups: 128, needs subgroups
// binding  0 uniform    parameters: 148 bytes
// binding  1 read       logits: bytes 0 to 4096000 of buffer 0, in elements of 16
// binding  2 read_write gradient: bytes 0 to 4096000 of buffer 1, in elements of 16
// binding  3 read       upstream gradient: bytes 0 to 4096000 of buffer 2, in elements of 16
// uniforms: rows = 1024u; classes = 1000u; inner = 1u; logits_stride = 1000u; gradient_stride = 1000u;
//    targets_stride = 1000u; all others 0

const LANES: u32 = 32u;
const ROWS: u32 = 8u;
const VECTORS: u32 = 8u;
const AT_TEMPERATURE: bool = false;
const HELD: bool = true;
const IS_INTERLEAVED: bool = false;
const IS_SPLIT: bool = false;
const IS_SCALED: bool = false;
const IS_CAPPED: bool = false;
const KEEPS_STORED: bool = false;
const READS_IGNORED_ROWS: bool = true;
const MASKED: bool = false;
const Z_LOSS: bool = false;
const HAS_LOG_PROBABILITIES: bool = false;
const IS_LOG_SUM_EXP: bool = false;
const IS_LOG_SOFTMAX: bool = false;
const IS_SHIFTED: bool = false;
const HAS_TERMS: bool = false;
const HAS_ENTROPY: bool = false;
const HAS_SUMS: bool = true;
const FINDS_LOWEST: bool = true;
const FINDS_ARGMAX: bool = false;
const RANKS_TARGET: bool = false;
const KEEPS_ARGMAX: bool = false;
const KEEPS_RANK: bool = false;
const KEEPS_MERGED: bool = false;
const IS_MERGED: bool = false;
const HAS_TARGET_CLASS: bool = false;
const HAS_VALUES: bool = true;
const HAS_CLASS_WEIGHTS: bool = false;
const HAS_ROW_WEIGHTS: bool = false;
const IS_UPSTREAM_BUFFER: bool = false;
const IS_DIVIDED_BY_TOTALS: bool = false;
const DIVIDES_BY_SIZE: bool = false;
const RECORD_WORDS: u32 = 0u;
const WORD_LOSS: u32 = 4294967295u;
const WORD_LOG_SUM_EXP: u32 = 4294967295u;
const WORD_TARGET_LOG_PROBABILITY: u32 = 4294967295u;
const WORD_ENTROPY: u32 = 4294967295u;
const WORD_ARGMAX: u32 = 4294967295u;
const WORD_TARGET_RANK: u32 = 4294967295u;
const WORD_Z_LOSS: u32 = 4294967295u;
const WORD_MAIN_LOSS: u32 = 4294967295u;
const WORD_CORRECT: u32 = 4294967295u;
const gradient_BINDING: u32 = 2u;
const values_BINDING: u32 = 3u;

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

// ---- block.wgsl
// A block: VECTORS vectors of four logits for each of the row's LANES lanes. The lanes' vectors k fill
// the columns from first + 4 k LANES on; which of them are whose is told by a module of columns/.

alias Block = array<vec4<f32>, VECTORS>;

const BLOCK_COLUMNS: u32 = 4u * VECTORS * LANES;

// What a lane learns of its vectors while it loads them. NaN and +inf are told by their bits.
struct Seen {
    maximum: vec4<f32>,
    largest_signed: vec4<i32>,   // 0x7f800000 is +inf, above it NaN
    largest_unsigned: vec4<u32>, // above 0xff800000 NaN with the sign set
}

fn logits_start(row: u32) -> u32 {
    return part_start(row_start(parameters.logits_offset, parameters.logits_stride, row));
}

fn block_column(k: u32, lane: u32) -> u32 {
    return 4u * (k * LANES) + lane_column(lane);
}

// The block holds the logits as they enter the softmax; with KEEPS_STORED, as they are stored.
fn block_load(block: ptr<function, Block>, start: u32, first: u32, lane: u32, end: u32) -> Seen {
    var seen = Seen(
        vec4<f32>(LOWEST),
        vec4<i32>(i32(-0x80000000)),
        vec4<u32>(0u),
    );
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, lane);
        var stored = vec4<u32>(BITS_NEGATIVE_INFINITY);
        if column < end {
            stored = logits_load4(start, column, end);
            let order = ranked(stored, column, end);
            argmax_see(order, column);
            target_rank_see(order, column);
        }
        let bits = transformed(stored, column, end);
        let x = bitcast<vec4<f32>>(bits);
        (*block)[k] = x;
        if KEEPS_STORED {
            (*block)[k] = bitcast<vec4<f32>>(stored);
        }
        seen.maximum = max(seen.maximum, x);
        seen.largest_signed = max(seen.largest_signed, bitcast<vec4<i32>>(bits));
        seen.largest_unsigned = max(seen.largest_unsigned, bits);
    }
    return seen;
}

// A vector of a block as it enters the softmax.
fn block_logits(block: ptr<function, Block>, k: u32, column: u32, end: u32) -> vec4<f32> {
    if KEEPS_STORED {
        return bitcast<vec4<f32>>(transformed(bitcast<vec4<u32>>((*block)[k]), column, end));
    }
    return (*block)[k];
}

fn seen_maximum(seen: Seen) -> f32 {
    let maximum = max(max(seen.maximum.x, seen.maximum.y), max(seen.maximum.z, seen.maximum.w));
    // A compiler that assumes finite numbers may have dropped the floor at LOWEST.
    return select(maximum, LOWEST, bitcast<u32>(maximum) == BITS_NEGATIVE_INFINITY);
}

// R_NAN, R_INFINITE, or 0 where neither was seen.
fn seen_special(seen: Seen) -> f32 {
    let signed = max(max(seen.largest_signed.x, seen.largest_signed.y), max(seen.largest_signed.z, seen.largest_signed.w));
    let unsigned = max(max(seen.largest_unsigned.x, seen.largest_unsigned.y), max(seen.largest_unsigned.z, seen.largest_unsigned.w));
    let special = select(0.0, R_INFINITE, signed == i32(BITS_INFINITY));
    return select(special, R_NAN, signed > i32(BITS_INFINITY) || unsigned > BITS_NEGATIVE_INFINITY);
}

// Replaces the block by its exponentials relative to the maximum of `state` and the block (but for
// KEEPS_STORED), and returns the state that has seen both.
fn block_exponentials(
    place: Place,
    block: ptr<function, Block>,
    seen: Seen,
    state: vec2<f32>,
    first: u32,
    end: u32,
) -> vec2<f32> {
    let maximum = max(state.x, seen_maximum(seen));
    var all = vec4<f32>(0.0);
    var below = vec4<f32>(0.0);
    var moment = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, place.lane);
        let distance = block_logits(block, k, column, end) - maximum;
        let e = exp_nonpositive(distance);
        if !KEEPS_STORED {
            (*block)[k] = e;
        }
        moment += moment_of(place, e, all, distance, column, end);
        all += e;
        below += select(e, vec4<f32>(0.0), e == vec4<f32>(1.0));
    }
    moment_add(moment, state, maximum);
    // Elements equal to the maximum are counted, not summed: one of them is left out of r, and the
    // rest of r must not have been rounded to its size.
    let sum_below = (below.x + below.y) + (below.z + below.w);
    let at_maximum = round((all.x + all.y) + (all.z + all.w) - sum_below);
    let rescale = exp_difference_scalar(state.x, maximum);
    let r = fma(state.y, rescale, sum_below) + ((at_maximum - 1.0) + rescale);
    let special = min(state.y, seen_special(seen));
    return vec2<f32>(maximum, select(r, special, special < -1.5));
}

// The state of a lane that has seen all its columns, without the rounding of x - m where that would
// show: where all but the maximum lie 20 and more below it. The lane reads them again, from the
// cache; a gradient needs no such care. Rare: the loops are written so that no driver unrolls them,
// and one that runs both sides of a branch runs them once.
fn lane_refined(state: vec2<f32>, start: u32, lane: u32, end: u32) -> vec2<f32> {
    const STEP = 4u * LANES;
    const PART = 64u * STEP; // a sum of short sums, as for the blocks
    var r = state.y;
    if r > 0.0 && r < 1e-9 {
        var sum = vec4<f32>(0.0);
        var moment = vec4<f32>(0.0);
        for (var part = lane_column(lane); part < end; part += PART) {
            var partial = vec4<f32>(0.0);
            for (var column = part; column < min(part + PART, end); column += STEP) {
                let x = bitcast<vec4<f32>>(transformed(logits_load4(start, column, end), column, end));
                let e = exp_difference(x, vec4<f32>(state.x));
                partial += select(e, vec4<f32>(0.0), x - state.x > vec4<f32>(-1.0));
                moment += moment_refined_of(e, x - state.x);
            }
            sum += partial;
        }
        r = (sum.x + sum.y) + (sum.z + sum.w);
        moment_refine(moment);
    }
    return vec2<f32>(state.x, r);
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

// ---- gradient/write.wgsl
// The gradient of a row, from exponentials or from the logits, by the row_gradient and the gradient_values
// of its operation.

// What the gradient of a row is made of.
struct GradientFactors {
    scale: f32,     // of exp(x_c - m)
    direct: f32,    // of what every class has of its own
    at_target: f32, // known to the lane that holds the target's column
    is_nan: bool,   // the whole row's gradient is NaN
}

const NO_GRADIENT = GradientFactors(0.0, 0.0, 0.0, false);

fn gradient_store(
    place: Place,
    row: Row,
    factors: GradientFactors,
    start: u32,
    column: u32,
    stored: vec4<u32>,
    x: vec4<f32>,
    scaled: vec4<f32>,
) {
    var values = gradient_values(place, factors, column, row.end, x, scaled);
    let is_target = columns4(column) == vec4<u32>(row.target_column);
    values = select(values, vec4<f32>(factors.at_target), is_target);
    let bits = bitcast<vec4<u32>>(chained(values, stored));
    store4(start, column, row.end, select(bits, vec4<u32>(BITS_NAN), vec4<bool>(factors.is_nan)));
}

// From exponentials that are held, relative to the lane's own `maximum`; or from stored logits.
fn gradient_from_block(place: Place, row: Row, summary: Summary, maximum: f32, block: ptr<function, Block>) {
    let factors = row_gradient(place, row, summary);
    let start = gradient_start(place.row);
    let scale = factors.scale * exp_difference_scalar(maximum, summary.state.x);
    let end = gradient_end(row, summary);
    for (var k = 0u; k < VECTORS; k++) {
        let column = block_column(k, place.lane);
        if column < end {
            if KEEPS_STORED {
                let x = block_logits(block, k, column, row.end);
                let scaled = factors.scale * exp_nonpositive(x - summary.state.x);
                gradient_store(place, row, factors, start, column, bitcast<vec4<u32>>((*block)[k]), x, scaled);
            } else {
                gradient_store(place, row, factors, start, column, vec4<u32>(0u), vec4<f32>(0.0), scale * (*block)[k]);
            }
        }
    }
    gradient_exception(place, row, summary, start);
}

// From the logits, read again: from the last block to the first, so that what the first sweep read
// last, and the cache still has, comes first.
fn gradient_from_logits(place: Place, row: Row, summary: Summary) {
    let factors = row_gradient(place, row, summary);
    let source = logits_start(place.row);
    let start = gradient_start(place.row);
    // Vectors start at a column less the shift, which wraps below column 0.
    let shift = gradient_shift(place.row);
    let columns = gradient_end(row, summary);
    let end = select(columns + shift, 0u, columns == 0u);
    let blocks = (end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
    var block: array<vec4<u32>, VECTORS>;
    for (var b = blocks; b > 0u; b--) {
        let first = (b - 1u) * BLOCK_COLUMNS;
        for (var k = 0u; k < VECTORS; k++) {
            let column = first + block_column(k, place.lane);
            if column < end {
                block[k] = logits_load4(source, column - shift, row.end);
            }
        }
        for (var k = 0u; k < VECTORS; k++) {
            let shifted = first + block_column(k, place.lane);
            if shifted < end {
                let column = shifted - shift;
                let x = bitcast<vec4<f32>>(transformed(block[k], column, row.end));
                let scaled = factors.scale * exp_nonpositive(x - summary.state.x);
                gradient_store(place, row, factors, start, column, block[k], x, scaled);
            }
        }
    }
    gradient_exception(place, row, summary, start);
}

// A row of log-sum-exp with +inf and without NaN: exp(x - lse) is NaN at +inf and 0 elsewhere, as PyTorch's.
fn is_infinite_row(summary: Summary) -> bool {
    return IS_LOG_SUM_EXP && summary.state.y == R_INFINITE;
}

// Columns whose gradient is written in the usual way.
fn gradient_end(row: Row, summary: Summary) -> u32 {
    return select(row.end, 0u, is_infinite_row(summary));
}

// Rare, and reads the logits again before it writes over them: a loop of dynamic bounds, which a
// driver that runs both sides of a branch runs no round of.
fn gradient_exception(place: Place, row: Row, summary: Summary, start: u32) {
    if !IS_LOG_SUM_EXP { return; }
    let end = select(0u, row.end, is_infinite_row(summary));
    for (var column = lane_column(place.lane); column < end; column += 4u * LANES) {
        let bits = logits_load4(logits_start(place.row), column, end);
        let is_infinite = bits == vec4<u32>(BITS_INFINITY);
        store4(start, column, end, select(vec4<u32>(0u), vec4<u32>(BITS_NAN), is_infinite));
    }
}

// Of log-probabilities: it does not depend on them but for the target's.
fn gradient_constant(place: Place, row: Row, summary: Summary) {
    let factors = row_gradient(place, row, summary);
    let start = gradient_start(place.row);
    for (var column = lane_column(place.lane); column < row.end; column += 4u * LANES) {
        gradient_store(place, row, factors, start, column, vec4<u32>(0u), vec4<f32>(0.0), vec4<f32>(0.0));
    }
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

// ---- gradient/separate.wgsl
// Both files that say where a gradient goes declare the logits and define gradient_start, where a row of it
// starts. Here it has a buffer of its own.
@group(0) @binding(1) var<storage, read> logits: array<logits_Stored>;
@group(0) @binding(2) var<storage, read_write> gradient: array<gradient_Written>;

fn gradient_start(row: u32) -> u32 {
    return part_start(row_start(parameters.gradient_offset, parameters.gradient_stride, row));
}

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

// ---- operand/absent.wgsl for totals
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn totals_at(index: u32) -> u32 {
    return 0u;
}

fn totals_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn totals_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn totals_of_run(start: u32) -> u32 {
    return 0u;
}

fn totals4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn totals1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn totals_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn totals_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

// ---- softmax/gradient.wgsl
// The gradient of softmax, and of log-softmax where it IS_LOG_SOFTMAX, with an upstream gradient g_c for
// every class.
fn row_gradient(place: Place, row: Row, summary: Summary) -> GradientFactors {
    let is_nan = state_is_special(summary.state);
    let total = 1.0 + summary.state.y;
    if IS_LOG_SOFTMAX { return GradientFactors(summary.moment / total, 0.0, 0.0, is_nan); }
    return GradientFactors(1.0 / total, summary.moment / total, 0.0, is_nan);
}

// p_c (g_c - sum_k g_k p_k); of log-softmax g_c - p_c sum_k g_k.
fn gradient_values(place: Place, factors: GradientFactors, column: u32, end: u32, x: vec4<f32>, scaled: vec4<f32>) -> vec4<f32> {
    if IS_LOG_SOFTMAX { return values_of_classes(place, column, end) - scaled; }
    return scaled * (relative_values4(place, column, end) - factors.direct);
}

// ---- saved_state/none.wgsl
// Nothing is kept of a row. The files of saved_state/ that write define state_save, once a row and by the lane
// that closes it, and for what a state may hold beside it state_save_argmax, state_save_rank and
// state_save_merged; those that read, state_read.
fn state_save(place: Place, row: Row, all: Summary) {}

fn state_save_argmax(place: Place, column: u32) {}

fn state_save_rank(place: Place, row: Row, rank: u32) {}

fn state_save_merged(place: Place, merged: PartialState) {}

// ---- log_sum_exp.wgsl
// row_close writes the results of a row, once it has been gone over, and target_rank_write what is found of its
// target later. Here a row has no target, and its log-sum-exp is its only result.
fn row_close(place: Place, row: Row, summary: Summary) {
    if !row.closes { return; }
    record_write(place, WORD_LOG_SUM_EXP, state_log_sum_exp(summary.state));
    state_save(place, row, summary);
}

fn target_rank_write(place: Place, row: Row, rank: u32) {}

// ---- record/none.wgsl
// Both files of record/ define record_write, for whoever has a word of a row. Here nobody asks for one, and
// there is no binding. Shorter than others: there is nothing to do.
fn record_write(place: Place, word: u32, bits: u32) {}

// ---- family/reduced.wgsl
// The files of family/ define run, what each lane does; team/ calls it with the lane's place. Here are
// rows that are gone over for their state. Where they are HELD, the lanes of a row hold all of it in
// registers: one read of the logits, one exp per element, and one write where there is a gradient. Rows too
// long for that are streamed: each lane keeps a state, rescaled once per block, and a gradient is a second
// sweep in the opposite direction.

// Blocks whose sum is taken by itself before it joins the row's: the error of a long sum grows with
// the number of its terms, and two short ones in place of it keep it near that of a tree.
const BLOCKS_OF_PART: u32 = 16u;

fn run(place: Place) {
    let row = row_open(place);
    target_rank_open(place, row);
    let start = logits_start(place.row);
    var block: Block;
    var own = STATE_EMPTY;
    if HELD {
        let seen = block_load(&block, start, 0u, place.lane, row.end);
        terms_see(place, row, &block, seen, 0u);
        own = block_exponentials(place, &block, seen, STATE_EMPTY, 0u, row.end);
        moment_join(STATE_EMPTY, own);
    } else {
        let blocks = (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
        for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
            var partial = STATE_EMPTY;
            for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
                let first = b * BLOCK_COLUMNS;
                let seen = block_load(&block, start, first, place.lane, row.end);
                terms_see(place, row, &block, seen, first);
                partial = block_exponentials(place, &block, seen, partial, first, row.end);
            }
            moment_join(own, partial);
            own = state_merge(own, partial);
        }
    }
    let refined = lane_refined(own, start, place.lane, row.end);
    let summary = summarize(place, refined, team_merge(place, refined));
    row_close(place, row, summary);
    argmax_close(place, row);
    target_rank_close(place, row);
    if HELD {
        gradient_from_block(place, row, summary, own.x, &block);
    } else {
        gradient_from_logits(place, row, summary);
    }
}

// With the lanes' optional sums, where one HAS_SUMS: each moved to the row's maximum, and added up.
fn summarize(place: Place, own: vec2<f32>, state: vec2<f32>) -> Summary {
    if !HAS_SUMS { return Summary(state, 0.0, 0.0, 0.0, 0u); }
    let terms = terms_at(state.x);
    let sums = team_sum(place, vec4<f32>(terms, moment_at(place, own, state.x), 0.0));
    return Summary(state, sums.x, sums.y, sums.z, team_or(place, terms_flags()));
}

// ---- order.wgsl
// What the order of a row's logits tells: the most likely class, where one FINDS_ARGMAX, and how many
// classes come before the target, where one RANKS_TARGET. argmax_see and target_rank_see see each vector as
// it is loaded, argmax_close and target_rank_close write what came of it.

// Logits in the order of torch.topk: the smaller, the greater the logit; 0 for NaN. Compared as integers,
// special values need no float rule.
fn logit_order(bits: vec4<u32>) -> vec4<u32> {
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    let falling = vec4<u32>(0x7fffffffu) - magnitude;
    let rising = vec4<u32>(0x7fffffffu) + magnitude;
    let order = select(falling, rising, bits > vec4<u32>(0x7fffffffu));
    return select(order, vec4<u32>(0u), magnitude > vec4<u32>(BITS_INFINITY));
}

// The most likely class: the lowest column of the greatest logit, the first NaN's where there is
// one, as torch.argmax.
struct Best {
    order: u32, // of logit_order
    column: u32,
}

var<private> best: Best = Best(0xffffffffu, 0xffffffffu);

fn better(a: Best, b: Best) -> Best {
    if b.order < a.order || (b.order == a.order && b.column < a.column) { return b; }
    return a;
}

fn argmax_see(bits: vec4<u32>, column: u32) {
    if !FINDS_ARGMAX { return; }
    let order = logit_order(bits);
    let columns = columns4(column);
    best = better(best, Best(order.x, columns.x));
    best = better(best, Best(order.y, columns.y));
    best = better(best, Best(order.z, columns.z));
    best = better(best, Best(order.w, columns.w));
}

fn argmax_close(place: Place, row: Row) {
    if !FINDS_ARGMAX { return; }
    let order = team_lowest(place, best.order);
    let column = team_lowest(place, select(0xffffffffu, best.column, best.order == order));
    if place.row < parameters.rows && place.lane == 0u {
        record_write(place, WORD_ARGMAX, column);
        state_save_argmax(place, column);
        if !RANKS_TARGET {
            record_write(place, WORD_CORRECT, select(0u, 1u, row.is_counted && column == row.target_column));
        }
    }
}

// How many classes come before the target: those of a greater logit and, of an equal one, those below
// it. The target's logit is read ahead by every lane of the row, so that one read of the others will do.
var<private> target_order: u32;
var<private> target_label: u32;
var<private> classes_before: vec4<u32>;

fn target_rank_open(place: Place, row: Row) {
    if !RANKS_TARGET { return; }
    if !row.is_counted || !row.is_valid { return; }
    target_label = row_label(place);
    let start = row_start(parameters.logits_offset, parameters.logits_stride, place.row);
    let stored = vec4<u32>(logits_load1(start, target_label));
    target_order = logit_order(ranked(stored, 0u, 4u)).x;
}

// Beyond the row's end bits are those of -inf, whose column is above any target's.
fn target_rank_see(bits: vec4<u32>, column: u32) {
    if !RANKS_TARGET { return; }
    let order = logit_order(bits);
    let is_below = columns4(column) + vec4<u32>(first_column()) < vec4<u32>(target_label);
    let before = (order < vec4<u32>(target_order)) | ((order == vec4<u32>(target_order)) & is_below);
    classes_before += select(vec4<u32>(0u), vec4<u32>(1u), before);
}

fn target_rank_close(place: Place, row: Row) {
    if !RANKS_TARGET { return; }
    let own = (classes_before.x + classes_before.y) + (classes_before.z + classes_before.w);
    let rank = team_count(place, own);
    if row.closes {
        target_rank_write(place, row, rank);
        state_save_rank(place, row, rank);
    }
}

// ---- moment/upstream.wgsl
// With an upstream gradient g_c for every class: sum of g_c for log-softmax, and for softmax sum of
// e_c (g_c - g_ref), e_c = exp(x_c - m). Relative to one of them, since a gradient that is the same for
// all classes must vanish exactly; to the smallest, since |g_ref| is then at most the mean of |g_c|,
// whichever classes are probable. A lane moves what it has to the smallest that it has seen so far.
var<private> smallest: u32 = NO_VALUE; // of this lane, then of the row: see upstream_rank
var<private> part_moment: f32;         // of the part under way
var<private> part_reference: f32;
var<private> row_moment: f32;          // of the parts before it
var<private> row_reference: f32;

fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    let values = values_of_classes(place, column, end);
    if IS_LOG_SOFTMAX { return values; }
    let old = upstream_reference();
    upstream_see(values, columns4(column) < vec4<u32>(end));
    return e * relative_values4(place, column, end) + before * (old - upstream_reference());
}

// `state` is that of the part before these: 1 + r of it is 0 where it is empty.
fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {
    if IS_LOG_SOFTMAX {
        row_moment += (sum.x + sum.y) + (sum.z + sum.w);
        return;
    }
    let reference = upstream_reference();
    let moved = part_moment + (1.0 + state.y) * (part_reference - reference);
    part_moment = moved * exp_difference_scalar(state.x, maximum) + ((sum.x + sum.y) + (sum.z + sum.w));
    part_reference = reference;
}

fn moment_refined_of(e: vec4<f32>, distance: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(0.0);
}

fn moment_refine(sum: vec4<f32>) {}

fn moment_join(own: vec2<f32>, partial: vec2<f32>) {
    if IS_LOG_SOFTMAX { return; }
    let maximum = max(own.x, partial.x);
    let moved = row_moment + (1.0 + own.y) * (row_reference - part_reference);
    row_moment = moved * exp_difference_scalar(own.x, maximum) + part_moment * exp_difference_scalar(partial.x, maximum);
    row_reference = part_reference;
    part_moment = 0.0;
}

fn moment_at(place: Place, own: vec2<f32>, maximum: f32) -> f32 {
    if IS_LOG_SOFTMAX { return row_moment; }
    smallest = team_lowest(place, smallest);
    let moved = row_moment + (1.0 + own.y) * (row_reference - upstream_reference());
    return moved * exp_difference_scalar(own.x, maximum);
}

// Orders numbers by magnitude, then by sign, so that the lanes of a row agree on one.
fn upstream_rank(values: vec4<f32>) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(values);
    return (bits << vec4<u32>(1u)) | (bits >> vec4<u32>(31u));
}

// The ranks of infinities and NaN, relative to which nothing is anything, and this one are no number's.
const NO_VALUE: u32 = 0xffffffffu;

fn upstream_reference() -> f32 {
    return bitcast<f32>(select((smallest >> 1u) | (smallest << 31u), 0u, smallest >= 0xff000000u));
}

fn upstream_see(values: vec4<f32>, inside: vec4<bool>) {
    let ranks = select(vec4<u32>(NO_VALUE), upstream_rank(values), inside);
    smallest = min(smallest, min(min(ranks.x, ranks.y), min(ranks.z, ranks.w)));
}

// 0 beyond the row's end.
fn relative_values4(place: Place, column: u32, end: u32) -> vec4<f32> {
    let columns = columns4(column);
    return select(vec4<f32>(0.0), values_of_classes(place, column, end) - upstream_reference(), columns < vec4<u32>(end));
}

// ---- terms/none.wgsl
// terms_see sees each block of a row, terms_at and terms_flags tell what came of it. Here the loss has a
// term for the target class alone, and there are no sums of others to keep.
fn terms_see(place: Place, row: Row, block: ptr<function, Block>, seen: Seen, first: u32) {}

fn terms_at(maximum: f32) -> vec2<f32> {
    return vec2<f32>(0.0);
}

fn terms_flags() -> u32 {
    return 0u;
}
