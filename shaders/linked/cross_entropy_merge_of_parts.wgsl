// wgpu-loss wgsl cross-entropy --rows 2 --classes 1000000 --row-values loss,entropy,argmax --dispatch 4
// cross-entropy: 1 dispatch of 1 kernel
// buffer 0: targets, 8 bytes
// buffer 1: partials, 32 bytes, scratch
// buffer 2: totals, 32 bytes
// buffer 3: logits, 8000000 bytes
// buffer 4: state, 7872 bytes, scratch
// buffer 5: rows, 24 bytes
// buffer 6: partials, 32 bytes, scratch

// ==== dispatch 1 of 1: wgpu-loss MergeVariant { log_sum_exp: false, classes: true, row_weights: false, masked: false, z_loss: false, record: Record { bits: 25 }, state: None, lanes: 256 }
// workgroups: 1
// binding  0 uniform    parameters: 148 bytes
// binding  1 read       parts: bytes 0 to 7872 of buffer 4, in elements of 32
// binding  3 read       targets: bytes 0 to 8 of buffer 0, in elements of 4
// binding  4 read_write rows: bytes 0 to 24 of buffer 5, in elements of 4
// uniforms: rows = 2u; classes = 1000000u; inner = 1u; logits_stride = 1000000u;
//    gradient_stride = 1000000u; total_classes = 1000000u; ignore_index = -100i; has_ignore_index = 1u;
//    parts = 123u; part_stride = 2u; part_classes = 8192u; upstream = 1.0f; target_share = 1.0f;
//    logit_scale = 1.0f; softcap = 1.0f; scale_per_softcap = 1.0f; top_k = 1u; batch_size = 1.0f; all others 0

const LANES: u32 = 256u;
const AT_TEMPERATURE: bool = false;
const IS_SPLIT: bool = false;
const READS_IGNORED_ROWS: bool = true;
const MASKED: bool = false;
const Z_LOSS: bool = false;
const HAS_TERMS: bool = false;
const HAS_ENTROPY: bool = true;
const RANKS_TARGET: bool = false;
const KEEPS_ARGMAX: bool = false;
const KEEPS_RANK: bool = false;
const KEEPS_MERGED: bool = false;
const IS_MERGED: bool = true;
const HAS_TARGET_CLASS: bool = true;
const HAS_VALUES: bool = false;
const HAS_CLASS_WEIGHTS: bool = false;
const HAS_ROW_WEIGHTS: bool = false;
const RECORD_WORDS: u32 = 3u;
const WORD_LOSS: u32 = 0u;
const WORD_LOG_SUM_EXP: u32 = 4294967295u;
const WORD_TARGET_LOG_PROBABILITY: u32 = 4294967295u;
const WORD_ENTROPY: u32 = 1u;
const WORD_ARGMAX: u32 = 2u;
const WORD_TARGET_RANK: u32 = 4294967295u;
const WORD_Z_LOSS: u32 = 4294967295u;
const WORD_MAIN_LOSS: u32 = 4294967295u;
const WORD_CORRECT: u32 = 4294967295u;
const targets_BINDING: u32 = 3u;

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

// ---- record/write.wgsl
// Records of the rows, RECORD_WORDS words each: a word that is not asked for has no place.
@group(0) @binding(4) var<storage, read_write> records: array<u32>;

fn record_write(place: Place, word: u32, bits: u32) {
    if word < RECORD_WORDS {
        records[parameters.record_offset + place.row * RECORD_WORDS + word] = bits;
    }
}

// ---- saved_state/none.wgsl
// Nothing is kept of a row. The files of saved_state/ that write define state_save, once a row and by the lane
// that closes it, and for what a state may hold beside it state_save_argmax, state_save_rank and
// state_save_merged; those that read, state_read.
fn state_save(place: Place, row: Row, all: Summary) {}

fn state_save_argmax(place: Place, column: u32) {}

fn state_save_rank(place: Place, row: Row, rank: u32) {}

fn state_save_merged(place: Place, merged: PartialState) {}

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

// ---- operand/read.wgsl for targets
// A buffer that is read: _at gives one of its elements. Its number is the prelude's, its element type
// that of the loads.
@group(0) @binding(targets_BINDING) var<storage, read> targets: array<targets_Stored>;

fn targets_at(index: u32) -> targets_Stored {
    return targets[index];
}

// ---- element/words_plain.wgsl for targets
// Both files of words define targets_Stored and targets_word, for element/load_scalar.wgsl. Here nobody else
// writes a word while it is read.
alias targets_Stored = u32;

fn targets_word(index: u32) -> u32 {
    return targets[index];
}

// ---- target/merged.wgsl
// A target class among those of all parts, where a row HAS_TARGET_CLASS; its logit comes with the states.
fn row_target(row: ptr<function, Row>, place: Place) {
    (*row).is_counted = true;
    (*row).closes = true;
    if !HAS_TARGET_CLASS { return; }
    let label = bitcast<i32>(targets_at(parameters.targets_offset + place.row));
    (*row).is_counted = parameters.has_ignore_index == 0u || label != parameters.ignore_index;
    (*row).is_valid = !(*row).is_counted || (label >= 0 && u32(label) < parameters.total_classes);
    if (*row).is_counted && (*row).is_valid {
        (*row).target_column = u32(label);
    }
}

// ---- cross_entropy/results.wgsl
// Softmax cross-entropy against a class or against probabilities: the row's loss and whatever else is asked
// for, as a record of words.

// Adds the target's own term to the summary. Only for the lane that knows the target's logit.
fn with_target(row: Row, summary: Summary) -> Summary {
    var all = summary;
    if IS_MERGED || row.target_column == NO_TARGET { return all; }
    let coefficient = target_coefficient(row);
    all.weight += coefficient;
    all.flags |= FLAG_HOLDS_TARGET | select(0u, FLAG_CONTRIBUTES, coefficient != 0.0);
    // Every class has a term already; the target's own share adds nothing to it.
    if HAS_TERMS && coefficient == 0.0 { return all; }
    let magnitude = row.target_bits & 0x7fffffffu;
    if magnitude < BITS_INFINITY {
        all.distance += coefficient * (summary.state.x - bitcast<f32>(row.target_bits));
    } else if row.target_bits == BITS_NEGATIVE_INFINITY {
        all.flags |= infinite_flag(coefficient);
    } else if !state_is_special(summary.state) {
        // Of log-probabilities; among logits NaN and +inf make the whole row special.
        let undefined = select(FLAG_UNDEFINED, 0u, MASKED && coefficient == 0.0);
        all.flags |= select(infinite_flag(-coefficient), undefined, magnitude > BITS_INFINITY);
    }
    return all;
}

// v sum_c u_c (lse - x_c), without the z-loss.
fn main_loss(row: Row, all: Summary) -> u32 {
    if !row.is_counted { return 0u; }
    if !row.is_valid { return BITS_NAN; }
    if MASKED && (row.weight == 0.0 || (all.flags & FLAG_CONTRIBUTES) == 0u) { return 0u; }
    if state_is_special(all.state) { return BITS_NAN; }
    let infinite = all.flags & (FLAG_POSITIVE | FLAG_NEGATIVE | FLAG_UNDEFINED);
    if infinite != 0u {
        if row.weight == 0.0 || (infinite != FLAG_POSITIVE && infinite != FLAG_NEGATIVE) { return BITS_NAN; }
        return select(BITS_NEGATIVE_INFINITY, BITS_INFINITY, (infinite == FLAG_POSITIVE) == (row.weight > 0.0));
    }
    return bitcast<u32>(row.weight * (all.distance + all.weight * log1p_nonnegative(all.state.y)));
}

// v z lse^2
fn z_loss_of(row: Row, all: Summary) -> u32 {
    if !Z_LOSS || !row.is_counted { return 0u; }
    if !row.is_valid { return BITS_NAN; }
    if MASKED && row.weight == 0.0 { return 0u; }
    if state_is_special(all.state) {
        // lse^2 is +inf, or NaN.
        if all.state.y < R_INFINITE || row.weight == 0.0 { return BITS_NAN; }
        return select(BITS_NEGATIVE_INFINITY, BITS_INFINITY, (row.weight > 0.0) == (parameters.z_loss > 0.0));
    }
    let lse = all.state.x + log1p_nonnegative(all.state.y);
    return bitcast<u32>(row.weight * (parameters.z_loss * lse * lse));
}

// x_y - lse
fn target_log_probability(row: Row, all: Summary) -> u32 {
    if !row.is_counted { return 0u; }
    if !row.is_valid || state_is_special(all.state) { return BITS_NAN; }
    if !is_finite_bits(row.target_bits) { return row.target_bits; }
    return bitcast<u32>((bitcast<f32>(row.target_bits) - all.state.x) - log1p_nonnegative(all.state.y));
}

fn entropy_of(all: Summary) -> u32 {
    if state_is_special(all.state) { return BITS_NAN; }
    return bitcast<u32>(log1p_nonnegative(all.state.y) + all.moment / (1.0 + all.state.y));
}

fn row_close(place: Place, row: Row, summary: Summary) {
    if !row.closes { return; }
    let all = with_target(row, summary);
    if RECORD_WORDS > 0u {
        let loss = main_loss(row, all);
        let z_loss = z_loss_of(row, all);
        record_write(place, WORD_LOSS, add_bits(loss, z_loss));
        record_write(place, WORD_LOG_SUM_EXP, state_log_sum_exp(all.state));
        record_write(place, WORD_TARGET_LOG_PROBABILITY, target_log_probability(row, all));
        record_write(place, WORD_ENTROPY, entropy_of(all));
        record_write(place, WORD_Z_LOSS, z_loss);
        record_write(place, WORD_MAIN_LOSS, loss);
    }
    state_save(place, row, all);
}

// Of a row without a target, the number of classes: such a row is never among the first.
fn target_rank_write(place: Place, row: Row, rank: u32) {
    let found = select(parameters.total_classes, rank, row.is_counted && row.is_valid);
    record_write(place, WORD_TARGET_RANK, found);
    record_write(place, WORD_CORRECT, select(0u, 1u, found < parameters.top_k));
}

// ---- terms/moved.wgsl
// Sums of u_c (m - x_c) and of u_c, relative to the greatest logit seen so far, beside the softmax's own.
// What rounding takes off them is kept: it would be the same for each of very many blocks and parts where
// the coefficients are.
struct ClassTerms {
    distance: Exact,
    weight: Exact,
    reference: f32,
}

// Where a sum leaves the range of f32 there is no error to keep.
fn class_sum(a: Exact, b: Exact) -> Exact {
    let sum = a.high + b.high;
    if abs(sum) > 0x1p+120f { return Exact(sum, 0.0); }
    return exact_sum(a, b);
}

// Relative to a greater logit. Without weight nothing moves, however far.
fn class_terms_moved(terms: ClassTerms, reference: f32) -> ClassTerms {
    if reference == terms.reference || terms.weight.high == 0.0 {
        return ClassTerms(terms.distance, terms.weight, reference);
    }
    let by = reference - terms.reference;
    // Where products leave the range of f32 there is no error to keep.
    if by > 0x1p+60f || abs(terms.weight.high) > 0x1p+60f {
        return ClassTerms(Exact(terms.distance.high + terms.weight.high * by, 0.0), terms.weight, reference);
    }
    return ClassTerms(class_sum(terms.distance, exact_product(terms.weight, Exact(by, 0.0))), terms.weight, reference);
}

// ---- sum/exact.wgsl
// Sums and products with the rounding error of each operation kept beside its result (Knuth's
// two-sum, Dekker's splitting), so that the error of a sum does not grow with its terms.

// A value as the sum of two: the nearest f32, and what that leaves.
struct Exact {
    high: f32,
    low: f32,
}

// The same value. No compiler knows that `zero` is 0, so none can simplify (a + b) - a to b.
fn opaque(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) ^ parameters.zero);
}

fn opaque4(x: vec4<f32>) -> vec4<f32> {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) ^ vec4<u32>(parameters.zero));
}

fn two_sum(a: f32, b: f32) -> Exact {
    let sum = opaque(a + b);
    let of_b = opaque(sum - a);
    return Exact(sum, (a - (sum - of_b)) + (b - of_b));
}

// For |a| >= |b|, or a = 0.
fn quick_two_sum(a: f32, b: f32) -> Exact {
    let sum = opaque(a + b);
    return Exact(sum, b - (sum - a));
}

fn upper_half(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

fn two_product(a: f32, b: f32) -> Exact {
    let product = opaque(a * b);
    let a_upper = upper_half(a);
    let b_upper = upper_half(b);
    let a_lower = a - a_upper;
    let b_lower = b - b_upper;
    let error = ((a_upper * b_upper - product) + a_upper * b_lower + a_lower * b_upper) + a_lower * b_lower;
    return Exact(product, error);
}

fn exact_sum(a: Exact, b: Exact) -> Exact {
    let sum = two_sum(a.high, b.high);
    // A sum too large for f32 is infinite, and nothing is left of it.
    let is_infinite = (bitcast<u32>(sum.high) & 0x7fffffffu) >= 0x7f800000u;
    return quick_two_sum(sum.high, select(sum.low + (a.low + b.low), 0.0, is_infinite));
}

fn exact_product(a: Exact, b: Exact) -> Exact {
    let product = two_product(a.high, b.high);
    return quick_two_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

// The nearest f32, but for one rounding more. Not of 0 and not by 0.
fn exact_quotient(a: Exact, b: Exact) -> f32 {
    let quotient = a.high / b.high;
    let rest = exact_sum(a, exact_product(b, Exact(-quotient, 0.0)));
    let refined = quotient + rest.high / b.high;
    // Beyond the range of f32 there is nothing to refine.
    let is_ordinary = abs(quotient) > 1e-30 && abs(quotient) < 1e30 && abs(b.high) > 1e-30 && abs(b.high) < 1e30;
    return select(quotient, refined, is_ordinary);
}

// A whole number.
fn exact_count(count: u32) -> Exact {
    return quick_two_sum(f32(count & 0xffff0000u), f32(count & 0xffffu));
}

// Four sums side by side.
struct Exact4 {
    high: vec4<f32>,
    low: vec4<f32>,
}

// Adds four terms, one to each sum.
fn exact4_add(sums: ptr<function, Exact4>, terms: vec4<f32>) {
    let high = (*sums).high;
    let sum = opaque4(high + terms);
    let of_terms = opaque4(sum - high);
    (*sums).low += (high - (sum - of_terms)) + (terms - of_terms);
    (*sums).high = sum;
}

// The same with products, whose rounding is kept too where the device's fma is one.
fn exact4_add_products(sums: ptr<function, Exact4>, a: vec4<f32>, b: vec4<f32>) {
    let products = opaque4(a * b);
    let errors = fma(a, b, -products);
    exact4_add(sums, products);
    (*sums).low += errors;
}

// Four products, with what each of them loses.
fn exact4_product(a: vec4<f32>, b: vec4<f32>) -> Exact4 {
    let products = opaque4(a * b);
    let a_upper = bitcast<vec4<f32>>(bitcast<vec4<u32>>(a) & vec4<u32>(0xfffff000u));
    let b_upper = bitcast<vec4<f32>>(bitcast<vec4<u32>>(b) & vec4<u32>(0xfffff000u));
    let a_lower = a - a_upper;
    let b_lower = b - b_upper;
    let errors = ((a_upper * b_upper - products) + a_upper * b_lower + a_lower * b_upper) + a_lower * b_lower;
    return Exact4(products, errors);
}

// Adds four terms of which each is the sum of two.
fn exact4_add_whole(sums: ptr<function, Exact4>, terms: Exact4) {
    exact4_add(sums, terms.high);
    (*sums).low += terms.low;
}

// Adds four products that lose nothing on any device.
fn exact4_add_whole_products(sums: ptr<function, Exact4>, a: vec4<f32>, b: vec4<f32>) {
    exact4_add_whole(sums, exact4_product(a, b));
}

fn exact4_total(sums: Exact4) -> Exact {
    let left = exact_sum(Exact(sums.high.x, sums.low.x), Exact(sums.high.y, sums.low.y));
    let right = exact_sum(Exact(sums.high.z, sums.low.z), Exact(sums.high.w, sums.low.w));
    return exact_sum(left, right);
}

// Whether products are so small beside their weights that their mean may have lost digits.
fn exact4_is_lost(products: Exact4, weights: Exact4) -> bool {
    let of_weights = abs(weights.high);
    let is_weighing = of_weights.x + of_weights.y + of_weights.z + of_weights.w > 0.0;
    return all(abs(products.high) < vec4<f32>(0x1p-90f)) && all(of_weights < vec4<f32>(1.0)) && is_weighing;
}

// Whether any of the sums met an infinity or NaN, or is too large for f32.
fn exact4_is_unusual(sums: Exact4) -> bool {
    let magnitudes = bitcast<vec4<u32>>(sums.high) & vec4<u32>(0x7fffffffu);
    return any(magnitudes >= vec4<u32>(0x7f800000u));
}

// ---- moment/entropy.wgsl
// What is summed over the classes beside the softmax's own sum, for whoever asks: where one HAS_ENTROPY,
// E = sum of e_c (m - x_c), e_c = exp(x_c - m), since the entropy is log1p(r) + E / (1 + r); else nothing.
// Both files of moment/ define moment_of, of a vector as block_exponentials sees it, moment_add and
// moment_join, once a block and once a part, moment_refined_of and moment_refine, for lane_refined, and
// moment_at, which gives the lane's sum relative to the row's maximum.
var<private> part_moment: f32; // of the part under way
var<private> row_moment: f32;  // of the parts before it

// -inf has no part in it: 0 log 0 = 0.
fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {
    if !HAS_ENTROPY { return vec4<f32>(0.0); }
    return e * -max(distance, vec4<f32>(-88.0));
}

fn moment_add(sum: vec4<f32>, state: vec2<f32>, maximum: f32) {
    if !HAS_ENTROPY { return; }
    part_moment = entropy_moved(part_moment, state, maximum) + ((sum.x + sum.y) + (sum.z + sum.w));
}

fn moment_refined_of(e: vec4<f32>, distance: vec4<f32>) -> vec4<f32> {
    if !HAS_ENTROPY { return vec4<f32>(0.0); }
    return e * -max(distance, vec4<f32>(-88.0));
}

fn moment_refine(sum: vec4<f32>) {
    if !HAS_ENTROPY { return; }
    row_moment = (sum.x + sum.y) + (sum.z + sum.w);
}

fn moment_join(own: vec2<f32>, partial: vec2<f32>) {
    if !HAS_ENTROPY { return; }
    let maximum = max(own.x, partial.x);
    row_moment = entropy_moved(row_moment, own, maximum) + entropy_moved(part_moment, partial, maximum);
    part_moment = 0.0;
}

fn moment_at(place: Place, own: vec2<f32>, maximum: f32) -> f32 {
    if !HAS_ENTROPY { return 0.0; }
    return entropy_moved(row_moment, own, maximum);
}

// E of the same elements relative to a maximum that lies `by` higher.
fn entropy_moved(moment: f32, state: vec2<f32>, maximum: f32) -> f32 {
    let by = min(maximum - state.x, 100.0);
    let moved = (moment + (1.0 + state.y) * by) * exp_difference_scalar(state.x, maximum);
    return select(moved, 0.0, state_is_special(state));
}

// ---- family/merged.wgsl
// Results from partial states: a lane merges those of a row, in the order of the parts, and closes
// it.
@group(0) @binding(1) var<storage, read> parts: array<PartialState>;

// NaN before +inf before the greater maximum; the lower class where they are alike.
fn partial_rank(state: PartialState) -> u32 {
    if state.rest < -3.0 { return 3u; }
    if state.rest < -1.5 { return 2u; }
    return select(1u, 0u, state.rest < -0.5);
}

fn partial_leads(a: PartialState, b: PartialState) -> bool {
    let rank_a = partial_rank(a);
    let rank_b = partial_rank(b);
    if rank_a != rank_b { return rank_a > rank_b; }
    if rank_a == 1u && a.maximum != b.maximum { return a.maximum > b.maximum; }
    return a.argmax <= b.argmax;
}

// Parts that are merged, with what rounding took off the sums of their classes' terms.
struct Merged {
    state: PartialState,
    terms: ClassTerms,
}

fn merged_of(part: PartialState) -> Merged {
    return Merged(part, ClassTerms(Exact(part.distance, 0.0), Exact(part.weight, 0.0), part.maximum));
}

fn partial_merge(left: Merged, right: Merged) -> Merged {
    let a = left.state;
    let b = right.state;
    let state_a = vec2<f32>(a.maximum, a.rest);
    let state_b = vec2<f32>(b.maximum, b.rest);
    let state = state_merge(state_a, state_b);
    let terms_a = class_terms_moved(left.terms, state.x);
    let terms_b = class_terms_moved(right.terms, state.x);
    let distance = class_sum(terms_a.distance, terms_b.distance);
    let weight = class_sum(terms_a.weight, terms_b.weight);
    let merged = PartialState(
        state.x,
        state.y,
        distance.high,
        weight.high,
        entropy_moved(a.spread, state_a, state.x) + entropy_moved(b.spread, state_b, state.x),
        select(b.argmax, a.argmax, partial_leads(a, b)),
        select(b.target_bits, a.target_bits, (a.flags & FLAG_HOLDS_TARGET) != 0u),
        ((a.flags | b.flags) & FLAGS) + (a.flags & ~FLAGS) + (b.flags & ~FLAGS),
    );
    return Merged(merged, ClassTerms(distance, weight, state.x));
}

// A sum of short sums, whose error grows slower than that of a long one.
const GROUP: u32 = 16u;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let place = Place(workgroup.x * LANES + index, 0u, 0u);
    if place.row >= parameters.rows { return; }
    var row = row_open(place);
    let first = parameters.logits_offset + place.row;
    var all: Merged;
    for (var group = 0u; group < parameters.parts; group += GROUP) {
        var of_group = merged_of(parts[first + group * parameters.part_stride]);
        for (var part = group + 1u; part < min(group + GROUP, parameters.parts); part++) {
            of_group = partial_merge(of_group, merged_of(parts[first + part * parameters.part_stride]));
        }
        if group == 0u {
            all = of_group;
        } else {
            all = partial_merge(all, of_group);
        }
    }
    let merged = all.state;
    row.target_bits = merged.target_bits;
    let state = vec2<f32>(merged.maximum, merged.rest);
    row_close(place, row, Summary(state, merged.distance, merged.weight, merged.spread, merged.flags & FLAGS));
    record_write(place, WORD_ARGMAX, merged.argmax);
    if RANKS_TARGET {
        target_rank_write(place, row, merged.flags / CLASSES_BEFORE);
    } else {
        record_write(place, WORD_CORRECT, select(0u, 1u, row.is_counted && merged.argmax == row.target_column));
    }
    state_save_merged(place, merged);
}
