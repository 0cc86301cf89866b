// wgpu-loss wgsl binary-cross-entropy --gradient --positive-weights --positive-weights-axis column --dispatch 1
// binary cross-entropy with logits: 1 dispatch of 1 kernel
// buffer 0: values, 4096000 bytes
// buffer 1: gradient, 4096000 bytes
// buffer 2: partial_results, 1024 bytes, scratch
// buffer 3: target, 4096000 bytes
// buffer 4: third operand, 4000 bytes
// buffer 5: results, 4 bytes

// ==== dispatch 1 of 1: wgpu-loss reduce RunsVariant { values: ReducedValues { statistic: DividedSum, element: F32, weights: None, masked: false, term: Some(Loss(LossTerm { kind: BinaryCrossEntropyWithLogits, smoothed: false, target: Some(F32), third: Along(F32), counts: false, gradient: Some(LossGradient { place: Separate(F32), upstream: None, divides: false, of_third: None }) })) }, access: Vector, team: Workgroup, geometry: Geometry { lanes: 256, rows: 1, vectors: 2 }, is_grouped: true, along: Units, output: Partial }
// workgroups: 64
// binding  0 uniform    parameters: 288 bytes
// binding  1 read       values: bytes 0 to 4096000 of buffer 0, in elements of 16
// binding  3 read_write gradient: bytes 0 to 4096000 of buffer 1, in elements of 16
// binding  4 read_write partial_results: bytes 0 to 1024 of buffer 2, in elements of 16
// binding  5 read       target: bytes 0 to 4096000 of buffer 3, in elements of 16
// binding  6 read       third operand: bytes 0 to 4000 of buffer 4, in elements of 16
// uniforms: runs = 1024u; units = 64u; parts = 1u; length = 1000u; part_length = 16384u; rounds = 16u;
//    values_inner = 1000u; gradient_inner = 1000u; targets_inner = 1000u; third_step = 1u;
//    target_scale = 1.0f; divisor_high = 1024000.0f; output_outer = 64u; output_inner = 1u;
//    upstream = 9.765625e-7f; all others 0

const LANES: u32 = 256u;
const ROWS: u32 = 1u;
const VECTORS: u32 = 2u;
const TEAM: u32 = 256u;
const IS_INTERLEAVED: bool = false;
const IS_WEIGHTED: bool = false;
const IS_MEAN: bool = true;
const IS_COUNTED_MEAN: bool = false;
const IS_SQUARED: bool = false;
const IS_MAXIMUM: bool = false;
const MASKED: bool = false;
const PARTIAL_VECTORS: u32 = 1u;
const RESULT_WORDS: u32 = 1u;
alias Words = array<vec4<u32>, PARTIAL_VECTORS>;
alias Result = array<u32, RESULT_WORDS>;
const HAS_TERM: bool = false;
const IS_WEIGHT_GRADIENT: bool = false;
const IS_OF_EXPONENTIALS: bool = false;
const HAS_PIVOT: bool = false;
const READS_ONCE: bool = true;
const IS_CUT: bool = false;
const LEAVES_OUT: bool = false;
const HAS_GRADIENT: bool = true;
const HAS_THIRD_GRADIENT: bool = false;
const HAS_WEIGHTS: bool = false;
const IS_DIVIDED: bool = false;
const IS_SMOOTHED: bool = false;
const third_IS_OF_RUN: bool = false;
const IS_OF_PROBABILITIES: bool = false;
const IS_GROUPED: bool = true;
const ALONG_PARTS: bool = false;
const ALONG_UNITS: bool = true;
const values_BINDING: u32 = 1u;
const gradient_BINDING: u32 = 3u;
const targets_BINDING: u32 = 5u;
const third_BINDING: u32 = 6u;

// ---- reduce/parameters.wgsl
// What the dispatches of a reduction are told. Offsets, strides and lengths count elements. A run is
// what lies side by side: a row, or all values where there are no gaps.
struct ReduceParameters {
    loss: vec4<f32>, // numbers that an element-wise loss depends on

    runs: u32,        // along the inner axis, or pieces of segments
    units: u32,       // groups of runs, or of columns: a workgroup for each
    parts: u32,       // that long runs or columns are cut into
    first_part: u32,
    length: u32,      // of a run or column, from this dispatch's first part on
    part_length: u32,
    rounds: u32,      // runs that a team takes one after the other
    columns: u32,     // side by side
    width: u32,       // columns of a workgroup
    depth: u32,       // lanes that share a column

    values_offset: u32,
    values_outer: u32, // from a run to the next along the outer axis
    values_inner: u32, // along the inner axis; from a row to the next
    weights_offset: u32,
    weights_outer: u32,
    weights_inner: u32,
    weights_step: u32, // along the run; from a column to the next
    gradient_offset: u32,
    gradient_outer: u32,
    gradient_inner: u32,
    weight_gradient_offset: u32,
    weight_gradient_outer: u32,
    weight_gradient_inner: u32,

    // Operands of element-wise losses.
    targets_offset: u32,
    targets_outer: u32,
    targets_inner: u32,
    third_offset: u32, // the weight of positives, or the variance
    third_outer: u32,
    third_inner: u32,
    third_step: u32,
    third_gradient_offset: u32,
    third_gradient_outer: u32,
    third_gradient_inner: u32,
    losses_offset: u32,
    losses_outer: u32,
    losses_inner: u32,
    upstream_outer: u32,
    upstream_inner: u32,
    upstream_step: u32,
    target_scale: f32, // smooth targets
    target_shift: f32,
    threshold: f32,
    divisor_high: f32, // of a sum; their sum is exact
    divisor_low: f32,

    // The result that a value belongs to, and its upstream gradient.
    result_offset: u32, // words before the first
    result_outer: u32,
    result_inner: u32,
    result_step: u32,
    upstream_offset: u32,
    upstream_stride: u32,

    // Where results and partial results are written.
    output_offset: u32, // words, or vectors of a partial result, before the first
    output_outer: u32,
    output_inner: u32,
    output_part: u32,

    results: u32,
    merged: u32,       // partial results of each
    groups: u32,       // that they are merged in
    group_length: u32,

    segments: u32,
    segments_offset: u32,
    rows: u32,
    shift: u32, // of the digit that is sorted by
    count: u32,
    upstream: f32,
    correction: f32,
    zero: u32, // 0, which no compiler knows
    counts_offset: u32, // of positives and negatives
}

@group(0) @binding(0) var<uniform> parameters: ReduceParameters;

const BITS_NEGATIVE_INFINITY: u32 = 0xff800000u;
const BITS_ONE: u32 = 0x3f800000u;

// Where the values and the weights of a run start.
fn values_start(outer: u32, at: u32) -> u32 {
    return parameters.values_offset + outer * parameters.values_outer + at * parameters.values_inner;
}

fn weights_start(outer: u32, at: u32) -> u32 {
    return parameters.weights_offset + outer * parameters.weights_outer + at * parameters.weights_inner;
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

// ---- sum/sum.wgsl
// Numbers that may leave the range of f32: sums that do so on their way, where what they end in is
// back in it.

// value * 2^exponent, with an exponent that is a multiple of 4: 0 unless the number left the range.
struct Wide {
    value: Exact,
    exponent: i32,
}

const WIDE_ZERO: Wide = Wide(Exact(0.0, 0.0), 0);

// Of 0, which is below every other number.
const LEAST_EXPONENT: i32 = -0x10000;

fn wide_of(x: f32) -> Wide {
    return Wide(Exact(x, 0.0), 0);
}

// The same number with a magnitude from 1 to 16.
fn wide_normal(a: Wide) -> Wide {
    if a.value.high == 0.0 { return Wide(Exact(0.0, 0.0), LEAST_EXPONENT); }
    // Subnormals have no exponent to take apart.
    let lift = select(0, 64, abs(a.value.high) < 0x1p-60f);
    let high = a.value.high * power_of_two(lift);
    let of_high = (bitcast<i32>((bitcast<u32>(high) >> 23u) & 0xffu) - 127) & -4;
    let scale = power_of_two(-of_high);
    let low = a.value.low * power_of_two(lift);
    return Wide(Exact(opaque(high * scale), opaque(low * scale)), a.exponent + of_high - lift);
}

// The value relative to 2^exponent, which is not below the number's own.
fn wide_at(a: Wide, exponent: i32) -> Exact {
    let scale = power_of_two(max(a.exponent - exponent, -126));
    return Exact(opaque(a.value.high * scale), opaque(a.value.low * scale));
}

// Without overflow, and as `exact_sum` where there is none.
fn wide_sum(a: Wide, b: Wide) -> Wide {
    var x = a.value;
    var y = b.value;
    var exponent = 0;
    if (a.exponent | b.exponent) != 0 || max(abs(x.high), abs(y.high)) >= 0x1p+126f {
        let normal_a = wide_normal(a);
        let normal_b = wide_normal(b);
        exponent = max(normal_a.exponent, normal_b.exponent);
        x = wide_at(normal_a, exponent);
        y = wide_at(normal_b, exponent);
    }
    let sum = exact_sum(x, y);
    return Wide(sum, select(exponent, 0, sum.high == 0.0));
}

// Neither overflows nor loses digits below the range, and is `exact_product` where nothing of that
// threatens.
fn wide_product(a: Wide, b: Wide) -> Wide {
    var x = a;
    var y = b;
    let is_ordinary = (a.exponent | b.exponent) == 0 && is_moderate(a.value.high) && is_moderate(b.value.high);
    if !is_ordinary {
        x = wide_normal(a);
        y = wide_normal(b);
    }
    let product = exact_product(x.value, y.value);
    return Wide(product, select(x.exponent + y.exponent, 0, product.high == 0.0));
}

fn is_moderate(x: f32) -> bool {
    return x == 0.0 || (abs(x) >= 0x1p-45f && abs(x) <= 0x1p+60f);
}

// The nearest f32, times a power of two. Not by 0.
fn wide_quotient(a: Wide, b: Wide) -> Wide {
    var x = a;
    var y = b;
    let is_ordinary = (a.exponent | b.exponent) == 0 && is_moderate(a.value.high) && is_moderate(b.value.high);
    if !is_ordinary {
        x = wide_normal(a);
        y = wide_normal(b);
    }
    let quotient = exact_quotient(x.value, y.value);
    return Wide(Exact(quotient, 0.0), select(x.exponent - y.exponent, 0, quotient == 0.0));
}

fn wide_negative(a: Wide) -> Wide {
    return Wide(Exact(-a.value.high, -a.value.low), a.exponent);
}

// The nearest f32, which may be infinite, as bits.
fn wide_bits(a: Wide) -> u32 {
    if a.exponent == 0 { return exact_bits(a.value); }
    return bitcast<u32>(times_power_of_two(a.value.high + a.value.low, a.exponent));
}

fn exact_bits(value: Exact) -> u32 {
    let high = bitcast<u32>(value.high);
    // Beyond the range of f32 the other half is meaningless.
    if (high & 0x7fffffffu) >= 0x7f800000u { return high; }
    return bitcast<u32>(value.high + value.low);
}

// Where a term, or a product, is so large that many of them may leave the range.
fn is_large(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) >= 0x6f800000u; // 2^96
}

// Where a product is so small that its rounding is lost.
fn is_small(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < 0x12800000u; // 2^-90
}

// Four sums of an Exact4, put together.
fn wide_total(sums: Exact4) -> Wide {
    let magnitudes = bitcast<vec4<u32>>(sums.high) & vec4<u32>(0x7fffffffu);
    let is_far = any(magnitudes >= vec4<u32>(0x7b000000u)); // 2^119
    let scale = select(1.0, 0x1p-32f, is_far);
    // A compiler might add first and multiply afterwards.
    let scaled = Exact4(opaque4(sums.high * scale), opaque4(sums.low * scale));
    return Wide(exact4_total(scaled), select(0, 32, is_far));
}

// A sum whose terms may be infinite or NaN: the finite ones, and which of the others were met.
struct Sum {
    finite: Wide,
    met: u32, // MET_POSITIVE, MET_NEGATIVE, MET_NAN
}

const MET_POSITIVE: u32 = 1u;
const MET_NEGATIVE: u32 = 2u;
const MET_NAN: u32 = 4u;

// What a term is: 0 where it is finite.
fn met_by(bits: u32) -> u32 {
    let magnitude = bits & 0x7fffffffu;
    if magnitude < 0x7f800000u { return 0u; }
    if magnitude > 0x7f800000u { return MET_NAN; }
    return select(MET_NEGATIVE, MET_POSITIVE, bits == 0x7f800000u);
}

// A sum as an f32 times 2^exponent: 0 where that is in the range of f32.
struct RoundedSum {
    bits: u32,
    exponent: i32,
}

fn sum_add(sum: ptr<function, Sum>, bits: u32) {
    sum_add_rounded(sum, RoundedSum(bits, 0));
}

fn sum_add_rounded(sum: ptr<function, Sum>, term: RoundedSum) {
    let met = met_by(term.bits);
    (*sum).met |= met;
    let finite = Wide(Exact(select(bitcast<f32>(term.bits), 0.0, met != 0u), 0.0), term.exponent);
    (*sum).finite = wide_sum((*sum).finite, finite);
}

fn sum_merge(a: Sum, b: Sum) -> Sum {
    return Sum(wide_sum(a.finite, b.finite), a.met | b.met);
}

fn met_bits(met: u32) -> u32 {
    if met == MET_POSITIVE { return 0x7f800000u; }
    if met == MET_NEGATIVE { return 0xff800000u; }
    return 0x7fc00000u;
}

fn sum_bits(sum: Sum) -> u32 {
    if sum.met != 0u { return met_bits(sum.met); }
    return wide_bits(sum.finite);
}

// The same of its 2^-64th part.
fn sum_part_bits(sum: Sum) -> u32 {
    if sum.met != 0u { return met_bits(sum.met); }
    let finite = sum.finite;
    return bitcast<u32>(times_power_of_two(finite.value.high + finite.value.low, finite.exponent - 64));
}

fn sum_rounded(sum: Sum) -> RoundedSum {
    let bits = sum_bits(sum);
    let is_far = sum.met == 0u && sum.finite.exponent != 0 && met_by(bits) != 0u;
    if !is_far { return RoundedSum(bits, 0); }
    return RoundedSum(bitcast<u32>(sum.finite.value.high + sum.finite.value.low), sum.finite.exponent);
}

// Divided by another sum; NaN where that is 0, but 0 where both are and `masked`.
fn sum_quotient_bits(sum: Sum, divisor: Sum, masked: bool) -> u32 {
    if ((sum.met | divisor.met) & MET_NAN) != 0u { return 0x7fc00000u; }
    if divisor.met != 0u {
        // Finite by infinite.
        return select(0x7fc00000u, 0u, sum.met == 0u && divisor.met != (MET_POSITIVE | MET_NEGATIVE));
    }
    if divisor.finite.value.high == 0.0 {
        return select(0x7fc00000u, 0u, masked && sum.met == 0u && sum.finite.value.high == 0.0);
    }
    if sum.met != 0u {
        let bits = met_bits(sum.met);
        let flipped = select(bits, bits ^ 0x80000000u, divisor.finite.value.high < 0.0);
        return select(flipped, bits, bits == 0x7fc00000u);
    }
    return wide_bits(wide_quotient(sum.finite, divisor.finite));
}

// ---- reduce/statistic/sum.wgsl
// The sum of values, of weighted values, or of their squares; divided by a number that is told, or by
// the number of values or of weights that are not 0 (IS_COUNTED_MEAN).
//
// Each file of this folder defines NEUTRAL, the bits of a value that changes nothing, and
//   pivot_of, accumulator_new         what a lane starts from
//   look_ahead, take_ahead            if LOOKS_AHEAD: at four values of a block; then, before their sum
//   accumulate                        at every four values
//   accumulator_is_unusual            at the end: whether all is read again, with these for each value
//   accumulator_meet                  one that is infinite or NaN
//   term_is_far, accumulate_far       one to be added up apart; the bits that take its place
//   partial_of, partial_empty, partial_merge, partial_words, partial_from
//                                     what a lane found, and how it meets others'
//   result_of                         the words of a result
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

struct Accumulator {
    sum: Exact4,
    far: Wide, // of terms that may not join the others
    met: u32,
    count: u32,
}

struct Partial {
    sum: Sum,
    count: u32,
}

fn pivot_of(bits: vec4<u32>, weights: vec4<u32>, present: u32) -> f32 {
    return 0.0;
}

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(Exact4(vec4<f32>(0.0), vec4<f32>(0.0)), WIDE_ZERO, 0u, 0u);
}

// Values are taken as they come.
fn look_ahead(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>) {
}

fn take_ahead(accumulator: ptr<function, Accumulator>) {
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    var sum = (*accumulator).sum;
    let x = bitcast<vec4<f32>>(bits);
    let w = bitcast<vec4<f32>>(weight_bits);
    if IS_SQUARED {
        if IS_WEIGHTED {
            exact4_add_products(&sum, w * x, x);
        } else {
            exact4_add_products(&sum, x, x);
        }
    } else if IS_WEIGHTED {
        exact4_add_products(&sum, w, x);
    } else {
        exact4_add(&sum, x);
    }
    (*accumulator).sum = sum;
    if IS_COUNTED_MEAN && IS_WEIGHTED {
        let counts = select(vec4<u32>(0u), vec4<u32>(1u), (weight_bits & vec4<u32>(0x7fffffffu)) != vec4<u32>(0u));
        (*accumulator).count += (counts.x + counts.y) + (counts.z + counts.w);
    } else if IS_COUNTED_MEAN {
        (*accumulator).count += present;
    }
}

fn accumulator_is_unusual(accumulator: Accumulator) -> bool {
    return exact4_is_unusual(accumulator.sum);
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= of_product;
    // A weight that is not finite was replaced by 0, but is not 0.
    if IS_COUNTED_MEAN { (*accumulator).count += select(0u, 1u, of_weight != 0u); }
}

fn term_is_far(accumulator: Accumulator, x: f32, w: f32) -> bool {
    var term = x;
    if IS_WEIGHTED { term *= w; }
    if IS_SQUARED { term *= x; }
    return is_large(term);
}

fn accumulate_far(accumulator: ptr<function, Accumulator>, x: f32, w: f32) -> u32 {
    var term = wide_of(x);
    if IS_WEIGHTED { term = wide_product(wide_of(w), term); }
    if IS_SQUARED { term = wide_product(term, wide_of(x)); }
    (*accumulator).far = wide_sum((*accumulator).far, term);
    // Its weight is replaced by 0, but is not 0.
    if IS_COUNTED_MEAN && IS_WEIGHTED { (*accumulator).count += 1u; }
    return NEUTRAL;
}

fn partial_of(accumulator: Accumulator) -> Partial {
    let finite = wide_sum(wide_total(accumulator.sum), accumulator.far);
    return Partial(Sum(finite, accumulator.met), accumulator.count);
}

fn partial_empty() -> Partial {
    return Partial(Sum(WIDE_ZERO, 0u), 0u);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    return Partial(sum_merge(a.sum, b.sum), a.count + b.count);
}

fn partial_words(partial: Partial) -> Words {
    let finite = partial.sum.finite;
    let exponent = bitcast<u32>(finite.exponent);
    var rest = vec2<u32>(partial.sum.met, exponent);
    if IS_COUNTED_MEAN { rest = vec2<u32>(partial.sum.met | (exponent << 8u), partial.count); }
    return Words(vec4<u32>(bitcast<u32>(finite.value.high), bitcast<u32>(finite.value.low), rest));
}

fn partial_from(words: Words) -> Partial {
    let finite = bitcast<vec2<f32>>(words[0].xy);
    let rest = words[0].zw;
    let value = Exact(finite.x, finite.y);
    if IS_COUNTED_MEAN { return Partial(Sum(Wide(value, bitcast<i32>(rest.x) >> 8u), rest.x & 0xffu), rest.y); }
    return Partial(Sum(Wide(value, bitcast<i32>(rest.y)), rest.x), 0u);
}

fn result_of(partial: Partial) -> Result {
    var result = Result();
    var divisor = Sum(Wide(Exact(parameters.divisor_high, parameters.divisor_low), 0), 0u);
    if IS_COUNTED_MEAN { divisor = Sum(Wide(exact_count(partial.count), 0), 0u); }
    // Behind a mean its divisor, behind a sum that gradients are divided by its 2^-64th part.
    if RESULT_WORDS == 2u {
        var behind = sum_part_bits(partial.sum);
        if IS_COUNTED_MEAN { behind = sum_bits(divisor); }
        result[RESULT_WORDS - 1u] = behind;
    }
    if IS_MEAN {
        result[0] = sum_quotient_bits(partial.sum, divisor, MASKED);
    } else {
        result[0] = sum_bits(partial.sum);
    }
    return result;
}

// ---- reduce/terms.wgsl
// What becomes of values and weights before a statistic sees them.

// Four values and their weights.
struct Terms {
    bits: vec4<u32>,
    weights: vec4<u32>,
}

// `present` of the four are there: the others count nothing. `result`: what each belongs to.
fn terms_of(bits: vec4<u32>, weights: vec4<u32>, present: u32, result: vec4<u32>) -> Terms {
    var terms = Terms(bits, weights);
    if HAS_TERM {
        terms.bits = term4(bits, weights, result);
        terms.weights = vec4<u32>(BITS_ONE);
    }
    if IS_CUT {
        let is_beyond = vec4<u32>(0u, 1u, 2u, 3u) >= vec4<u32>(present);
        terms.bits = select(terms.bits, vec4<u32>(NEUTRAL), is_beyond);
        terms.weights = select(terms.weights, vec4<u32>(0u), is_beyond);
    }
    if IS_WEIGHTED && MASKED {
        let is_out = (terms.weights & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u);
        terms.bits = select(terms.bits, vec4<u32>(NEUTRAL), is_out);
    }
    return terms;
}

// What is reduced in place of the values: the weights themselves, or each value's part of the gradient
// with respect to its weight.
fn term4(bits: vec4<u32>, weights: vec4<u32>, result: vec4<u32>) -> vec4<u32> {
    if !IS_WEIGHT_GRADIENT { return weights; }
    return vec4<u32>(
        weight_gradient_of(bits.x, weights.x, result.x),
        weight_gradient_of(bits.y, weights.y, result.y),
        weight_gradient_of(bits.z, weights.z, result.z),
        weight_gradient_of(bits.w, weights.w, result.w),
    );
}

// Notes infinities and NaN, and takes them out, as well as what must be added up apart.
fn terms_cleared(accumulator: ptr<function, Accumulator>, terms: Terms) -> Terms {
    var cleared = terms;
    for (var k = 0u; k < 4u; k++) {
        let bits = terms.bits[k];
        var weight = BITS_ONE;
        if IS_WEIGHTED { weight = terms.weights[k]; }
        let is_out = LEAVES_OUT && (weight & 0x7fffffffu) == 0u;
        // Beyond the end there is no value, which only the weights tell.
        let is_beyond = IS_CUT && !IS_WEIGHTED && terms.weights[k] == 0u;
        let of_weight = met_by(weight);
        let of_product = select(met_by_term(bits, weight), 0u, is_out);
        if (of_product | of_weight) != 0u {
            accumulator_meet(accumulator, of_product, of_weight);
            cleared.bits[k] = NEUTRAL;
            cleared.weights[k] = select(0u, weight, of_weight == 0u);
        } else if !is_out && !is_beyond && term_is_far(*accumulator, bitcast<f32>(bits), bitcast<f32>(weight)) {
            cleared.bits[k] = accumulate_far(accumulator, bitcast<f32>(bits), bitcast<f32>(weight));
            cleared.weights[k] = 0u;
        }
    }
    return cleared;
}

// What a term w x, or w x^2 or w exp(x), is: 0 where it is finite.
fn met_by_term(bits: u32, weight_bits: u32) -> u32 {
    if IS_OF_EXPONENTIALS { return met_by_exponential(bits, weight_bits); }
    let of_x = met_by(bits);
    let of_w = met_by(weight_bits);
    if (of_x | of_w) == 0u { return 0u; }
    let is_zero = (bits & 0x7fffffffu) == 0u || (weight_bits & 0x7fffffffu) == 0u;
    if ((of_x | of_w) & MET_NAN) != 0u || is_zero { return MET_NAN; }
    let sign = select(bits ^ weight_bits, weight_bits, IS_SQUARED);
    return select(MET_POSITIVE, MET_NEGATIVE, (sign & 0x80000000u) != 0u);
}

fn met_by_exponential(bits: u32, weight_bits: u32) -> u32 {
    let of_x = met_by(bits);
    let of_w = met_by(weight_bits);
    if of_x == MET_NAN || of_w == MET_NAN { return MET_NAN; }
    if of_x == MET_NEGATIVE { return select(0u, MET_NAN, of_w != 0u); }
    if of_x == MET_POSITIVE || of_w != 0u {
        return select(MET_POSITIVE, MET_NEGATIVE, (weight_bits & 0x80000000u) != 0u);
    }
    return 0u;
}

// ---- reduce/gradient/none.wgsl
// Where no gradient is asked for.
fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    return 0u;
}

fn weight_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {
    return 0u;
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

// ---- operand/absent.wgsl for weights
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn weights_at(index: u32) -> u32 {
    return 0u;
}

fn weights_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn weights_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn weights_of_run(start: u32) -> u32 {
    return 0u;
}

fn weights4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn weights1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn weights_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn weights_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

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

// ---- special.wgsl
// IEEE arithmetic on bits, for operands that may be infinite or NaN: what compilers do with those is
// up to them.
const BITS_NAN: u32 = 0x7fc00000u;
const BITS_INFINITY: u32 = 0x7f800000u;

fn is_nan_bits(bits: u32) -> bool {
    return (bits & 0x7fffffffu) > BITS_INFINITY;
}

fn is_zero_bits(bits: u32) -> bool {
    return (bits & 0x7fffffffu) == 0u;
}

fn negative_bits(bits: u32) -> u32 {
    return bits ^ 0x80000000u;
}

fn multiply_bits(a: u32, b: u32) -> u32 {
    if is_finite_bits(a) && is_finite_bits(b) { return bitcast<u32>(bitcast<f32>(a) * bitcast<f32>(b)); }
    if is_nan_bits(a) || is_nan_bits(b) || is_zero_bits(a) || is_zero_bits(b) { return BITS_NAN; }
    return BITS_INFINITY | ((a ^ b) & 0x80000000u);
}

fn divide_bits(a: u32, b: u32) -> u32 {
    if is_nan_bits(a) || is_nan_bits(b) { return BITS_NAN; }
    let sign = (a ^ b) & 0x80000000u;
    if !is_finite_bits(b) { return select(BITS_NAN, sign, is_finite_bits(a)); }
    if is_zero_bits(b) { return select(BITS_INFINITY | sign, BITS_NAN, is_zero_bits(a)); }
    if !is_finite_bits(a) { return BITS_INFINITY | sign; }
    return bitcast<u32>(bitcast<f32>(a) / bitcast<f32>(b));
}

fn is_less_bits(a: u32, b: u32) -> bool {
    if is_nan_bits(a) || is_nan_bits(b) { return false; }
    // Bits of floats ascend as integers do, once negative ones are turned over.
    let signed_a = bitcast<i32>(a);
    let signed_b = bitcast<i32>(b);
    return select(signed_a, -(signed_a & 0x7fffffff), signed_a < 0) < select(signed_b, -(signed_b & 0x7fffffff), signed_b < 0);
}

fn exp_bits(x: u32) -> u32 {
    if is_finite_bits(x) { return bitcast<u32>(exp_of(bitcast<f32>(x))); }
    if is_nan_bits(x) { return BITS_NAN; }
    return select(x, 0u, x == 0xff800000u);
}

fn log_bits(x: u32) -> u32 {
    if is_zero_bits(x) { return 0xff800000u; }
    if is_nan_bits(x) || (x & 0x80000000u) != 0u { return BITS_NAN; }
    if x == BITS_INFINITY { return x; }
    return bitcast<u32>(log_of(bitcast<f32>(x)));
}

fn softplus_bits(x: u32) -> u32 {
    if is_finite_bits(x) { return bitcast<u32>(softplus(bitcast<f32>(x))); }
    if is_nan_bits(x) { return BITS_NAN; }
    return select(x, 0u, x == 0xff800000u);
}

fn sigmoid_bits(x: u32) -> u32 {
    if is_finite_bits(x) { return bitcast<u32>(sigmoids(bitcast<f32>(x)).x); }
    if is_nan_bits(x) { return BITS_NAN; }
    return select(BITS_ONE, 0u, x == 0xff800000u);
}

// ---- functions.wgsl
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

// ---- elementwise/losses.wgsl
// Element-wise losses. Each file of shaders/loss/ defines, for `losses4` to call,
//   loss_of          the loss of an input, a target and a third number (the weight of positives, or
//                    the variance): its value, its derivative in the input, and that in the variance
//   special_loss_of  the same by bits, where one of the three is infinite or NaN
struct Loss {
    value: f32,
    derivative: f32,
    of_third: f32,
}

struct SpecialLoss {
    value: u32,
    derivative: u32,
    of_third: u32,
}

// A probability times what it is the probability of.
fn part_bits(probability: u32, value: u32) -> u32 {
    if MASKED && is_zero_bits(probability) { return 0u; }
    return multiply_bits(probability, value);
}

// The losses of four elements, and their derivatives times what they are multiplied by.
struct Losses {
    values: vec4<u32>,
    derivatives: vec4<u32>,
    of_third: vec4<u32>,
}

fn are_finite(a: vec4<u32>, b: vec4<u32>) -> bool {
    return all((a & vec4<u32>(0x7fffffffu)) < vec4<u32>(BITS_INFINITY)) && all((b & vec4<u32>(0x7fffffffu)) < vec4<u32>(BITS_INFINITY));
}

fn multiply4(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    if are_finite(a, b) { return bitcast<vec4<u32>>(bitcast<vec4<f32>>(a) * bitcast<vec4<f32>>(b)); }
    return vec4<u32>(multiply_bits(a.x, b.x), multiply_bits(a.y, b.y), multiply_bits(a.z, b.z), multiply_bits(a.w, b.w));
}

fn smoothed(t: u32) -> u32 {
    if !IS_SMOOTHED { return t; }
    return add_bits(multiply_bits(t, bitcast<u32>(parameters.target_scale)), bitcast<u32>(parameters.target_shift));
}

fn losses4(x: vec4<u32>, t: vec4<u32>, third: vec4<u32>) -> Losses {
    var losses: Losses;
    var are_special = false;
    for (var k = 0u; k < 4u; k++) {
        let loss = loss_of(bitcast<f32>(x[k]), bitcast<f32>(smoothed(t[k])), bitcast<f32>(third[k]));
        losses.values[k] = bitcast<u32>(loss.value);
        losses.derivatives[k] = bitcast<u32>(loss.derivative);
        losses.of_third[k] = bitcast<u32>(loss.of_third);
        are_special = are_special || !(is_finite_bits(x[k]) && is_finite_bits(t[k]) && is_finite_bits(third[k]));
    }
    if are_special {
        for (var k = 0u; k < 4u; k++) {
            if is_finite_bits(x[k]) && is_finite_bits(t[k]) && is_finite_bits(third[k]) { continue; }
            let special = special_loss_of(x[k], smoothed(t[k]), third[k]);
            losses.values[k] = special.value;
            losses.derivatives[k] = special.derivative;
            losses.of_third[k] = special.of_third;
        }
    }
    return losses;
}

// What the derivatives of four elements are multiplied by, besides their weights; and what the weights
// are multiplied by: 1, but 2^-64 where only that part of a denominator is finite.
struct Factors {
    of_derivatives: vec4<u32>,
    of_weights: vec4<f32>,
}

const LARGE_DENOMINATOR: u32 = 0x6c800000u; // 2^90

// What each mean is divided by is one of the forward's results, with its 2^-64th part behind it.
fn factors4(upstream: vec4<u32>, results: vec4<u32>) -> Factors {
    var factors = Factors(multiply4(upstream, vec4<u32>(bitcast<u32>(parameters.upstream))), vec4<f32>(1.0));
    if !IS_DIVIDED { return factors; }
    for (var k = 0u; k < 4u; k++) {
        let denominator = forward_results_at(parameters.result_offset + results[k]);
        var divisor = denominator;
        if (denominator & 0x7fffffffu) >= LARGE_DENOMINATOR {
            let part = forward_results_at(parameters.result_offset + results[k] + 1u);
            if is_finite_bits(part) {
                divisor = part;
                factors.of_weights[k] = 0x1p-64f;
            }
        }
        let quotient = divide_bits(factors.of_derivatives[k], divisor);
        factors.of_derivatives[k] = select(quotient, BITS_NAN, is_zero_bits(denominator));
    }
    return factors;
}

fn scaled_weights(weights: vec4<u32>, scales: vec4<f32>) -> vec4<u32> {
    if !IS_DIVIDED || all(scales == vec4<f32>(1.0)) { return weights; }
    return multiply4(weights, bitcast<vec4<u32>>(scales));
}

fn gradients4(derivatives: vec4<u32>, weights: vec4<u32>, factors: Factors) -> vec4<u32> {
    var gradients = derivatives;
    if HAS_WEIGHTS { gradients = multiply4(scaled_weights(weights, factors.of_weights), gradients); }
    gradients = multiply4(gradients, factors.of_derivatives);
    if HAS_WEIGHTS && MASKED {
        gradients = select(gradients, vec4<u32>(0u), (weights & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u));
    }
    return gradients;
}

// ---- loss/binary.wgsl
// Cross-entropies of two classes: of a probability, or of a logit.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    if IS_OF_PROBABILITIES { return probability_loss_of(x, t, third); }
    return logit_loss_of(x, t, third);
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    if IS_OF_PROBABILITIES { return probability_special_loss_of(x, t, third); }
    return logit_special_loss_of(x, t, third);
}

// Binary cross-entropy of a probability, with PyTorch's bounds.
fn probability_loss_of(x: f32, t: f32, third: f32) -> Loss {
    var value = not_a_number();
    if x >= 0.0 && x <= 1.0 {
        let log_x = select(max(log_positive(x, x - 1.0), -100.0), -100.0, x == 0.0);
        let log_rest = select(max(log_positive(1.0 - x, -x), -100.0), -100.0, x == 1.0);
        value = -(t * log_x + (1.0 - t) * log_rest);
    }
    return Loss(value, (x - t) / max(x * (1.0 - x), 1e-12), 0.0);
}

fn bounded_log_bits(x: u32) -> u32 {
    let log = log_bits(x);
    return select(log, bitcast<u32>(-100.0), is_less_bits(log, bitcast<u32>(-100.0)));
}

fn probability_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let rest = add_bits(BITS_ONE, negative_bits(x));
    let of_rest = multiply_bits(add_bits(BITS_ONE, negative_bits(t)), bounded_log_bits(rest));
    let value = add_bits(multiply_bits(t, bounded_log_bits(x)), of_rest);
    let variance = multiply_bits(x, rest);
    let least = bitcast<u32>(1e-12);
    let divisor = select(variance, least, is_less_bits(variance, least));
    return SpecialLoss(negative_bits(value), divide_bits(add_bits(x, negative_bits(t)), divisor), 0u);
}

// Binary cross-entropy of a logit; `third` is the weight of positives.
fn logit_loss_of(x: f32, t: f32, third: f32) -> Loss {
    let positive = third * t;
    let negative = 1.0 - t;
    let both = logistic(x);
    let value = negative * both.softpluses.x + positive * both.softpluses.y;
    return Loss(value, negative * both.sigmoids.x - positive * both.sigmoids.y, 0.0);
}

fn logit_special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let both = cross_entropy_bits(x, t, third);
    return SpecialLoss(both.x, both.y, 0u);
}

// ---- loss/cross_entropy_bits.wgsl
// Binary cross-entropy of a logit, a target and the weight of positives, of which something is not
// finite: the value and its derivative.
fn cross_entropy_bits(x: u32, t: u32, weight: u32) -> vec2<u32> {
    let positive = multiply_bits(weight, t);
    let negative = add_bits(BITS_ONE, negative_bits(t));
    // PyTorch adds (1 - t) x and a multiple of softplus(-x).
    let beside = multiply_bits(add_bits(weight, negative_bits(BITS_ONE)), t);
    let multiple = select(add_bits(BITS_ONE, beside), BITS_ONE, weight == BITS_ONE);
    let of_positive = softplus_bits(negative_bits(x));
    let rest = sigmoid_bits(negative_bits(x));
    let is_infinite = (t & 0x7fffffffu) == BITS_INFINITY;
    var derivative = add_bits(multiply_bits(negative, sigmoid_bits(x)), negative_bits(multiply_bits(positive, rest)));
    if is_infinite { derivative = add_bits(negative, negative_bits(multiply_bits(multiple, rest))); }
    var value = add_bits(part_bits(negative, softplus_bits(x)), part_bits(positive, of_positive));
    if !MASKED && (is_infinite || (x & 0x7fffffffu) == BITS_INFINITY) {
        value = add_bits(multiply_bits(negative, x), multiply_bits(multiple, of_positive));
    }
    return vec2<u32>(value, derivative);
}

// ---- element/load_vector.wgsl for targets
// The files that load an targets define targets_load4, of four columns, and targets_load1, of one, both as bits
// of f32. Here values are read four at a time: row starts, row strides and the number of classes are
// multiples of four, so a vector lies wholly inside its row.
alias targets_Stored = Vector_f32;

fn targets_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vector_widened_f32(targets[(start + column) / 4u]);
}

fn targets_load1(start: u32, column: u32) -> u32 {
    let element = start + column;
    return vector_widened_f32(targets[element / 4u])[element % 4u];
}

// ---- operand/read.wgsl for targets
// A buffer that is read: _at gives one of its elements. Its number is the prelude's, its element type
// that of the loads.
@group(0) @binding(targets_BINDING) var<storage, read> targets: array<targets_Stored>;

fn targets_at(index: u32) -> targets_Stored {
    return targets[index];
}

// ---- element/load_vector.wgsl for third
// The files that load an third define third_load4, of four columns, and third_load1, of one, both as bits
// of f32. Here values are read four at a time: row starts, row strides and the number of classes are
// multiples of four, so a vector lies wholly inside its row.
alias third_Stored = Vector_f32;

fn third_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vector_widened_f32(third[(start + column) / 4u]);
}

fn third_load1(start: u32, column: u32) -> u32 {
    let element = start + column;
    return vector_widened_f32(third[element / 4u])[element % 4u];
}

// ---- operand/read.wgsl for third
// A buffer that is read: _at gives one of its elements. Its number is the prelude's, its element type
// that of the loads.
@group(0) @binding(third_BINDING) var<storage, read> third: array<third_Stored>;

fn third_at(index: u32) -> third_Stored {
    return third[index];
}

// ---- operand/broadcast.wgsl for third
// Factors, one for each value or IS_OF_RUN: _of_run gives that of a run, asked for once; 4 those of four
// values; 1 that of a value of a column.
fn third_of_run(start: u32) -> u32 {
    if !third_IS_OF_RUN { return 0u; }
    return third_load1(start, 0u);
}

fn third4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    if third_IS_OF_RUN { return vec4<u32>(of_run); }
    return third_load4(start, column, end);
}

fn third1(index: u32) -> u32 {
    return third_load1(index, 0u);
}

// ---- elementwise/uncounted.wgsl
// Nothing is counted beside the terms: nothing before the first, at four elements or behind the last.
fn begin_terms(index: u32) {
}

fn count4(x: vec4<u32>, t: vec4<u32>, weights: vec4<u32>, present: u32) {
}

fn finish_terms(index: u32) {
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

// ---- operand/absent.wgsl for forward_results
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn forward_results_at(index: u32) -> u32 {
    return 0u;
}

fn forward_results_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn forward_results_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn forward_results_of_run(start: u32) -> u32 {
    return 0u;
}

fn forward_results4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn forward_results1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn forward_results_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn forward_results_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

// ---- operand/written.wgsl for gradient
// A buffer that is written, or read and written in place. Shorter than others, as no constant can
// choose an access.
@group(0) @binding(gradient_BINDING) var<storage, read_write> gradient: array<gradient_Written>;

// ---- operand/absent.wgsl for third_gradient
// What there is not: 0 as a value, 1 as a factor, and nowhere to write.
fn third_gradient_at(index: u32) -> u32 {
    return 0u;
}

fn third_gradient_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0u);
}

fn third_gradient_load1(start: u32, column: u32) -> u32 {
    return 0u;
}

fn third_gradient_of_run(start: u32) -> u32 {
    return 0u;
}

fn third_gradient4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    return vec4<u32>(0x3f800000u);
}

fn third_gradient1(index: u32) -> u32 {
    return 0x3f800000u;
}

fn third_gradient_store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {}

fn third_gradient_store_apart(elements: vec4<u32>, present: u32, bits: vec4<u32>) {}

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

// ---- elementwise/run.wgsl
// Runs of elements, whose losses are the terms. Where there is a gradient it is written as the
// elements come.

// A run, and where its operands start.
struct Run {
    values: u32,
    weights: u32,
    of_run: u32, // the weight of all its values
    targets: u32,
    third: u32,
    third_of_run: u32,
    upstream: u32,
    upstream_of_run: u32,
    gradient: u32,
    third_gradient: u32,
    losses: u32,
    result: u32,
}

fn run_at(outer: u32, at: u32) -> Run {
    let weights = weights_start(outer, at);
    let third = parameters.third_offset + outer * parameters.third_outer + at * parameters.third_inner;
    let upstream = parameters.upstream_offset + outer * parameters.upstream_outer + at * parameters.upstream_inner;
    return Run(
        values_start(outer, at),
        weights,
        weights_of_run(weights),
        parameters.targets_offset + outer * parameters.targets_outer + at * parameters.targets_inner,
        third,
        third_of_run(third),
        upstream,
        upstream_of_run(upstream),
        parameters.gradient_offset + outer * parameters.gradient_outer + at * parameters.gradient_inner,
        parameters.third_gradient_offset + outer * parameters.third_gradient_outer + at * parameters.third_gradient_inner,
        parameters.losses_offset + outer * parameters.losses_outer + at * parameters.losses_inner,
        outer * parameters.result_outer + at * parameters.result_inner,
    );
}

// What stands for four values: their losses.
struct Elements {
    bits: vec4<u32>,
    weights: vec4<u32>,
    results: vec4<u32>,
}

// Four elements from `column` on, of which `present` are there.
fn elements_at(run: Run, column: u32, end: u32, present: u32) -> Elements {
    let x = values_load4(run.values, column, end);
    let t = targets_load4(run.targets, column, end);
    let third = third4(run.third_of_run, run.third, column, end);
    let weights = weights4(run.of_run, run.weights, column, end);
    count4(x, t, weights, present);
    let losses = losses4(x, t, third);
    if HAS_GRADIENT { write_gradients(run, column, end, losses, weights); }
    return Elements(losses.values, weights, vec4<u32>(0u));
}

fn write_gradients(run: Run, column: u32, end: u32, losses: Losses, weights: vec4<u32>) {
    let upstream = upstream4(run.upstream_of_run, run.upstream, column, end);
    let columns = min(vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(end - 1u));
    let factors = factors4(upstream, vec4<u32>(run.result) + columns * parameters.result_step);
    store4(run.gradient, column, end, gradients4(losses.derivatives, weights, factors));
    if HAS_THIRD_GRADIENT {
        third_gradient_store4(run.third_gradient, column, end, gradients4(losses.of_third, weights, factors));
    }
}

// ---- reduce/team_workgroup.wgsl
// TEAM lanes share a result through workgroup memory; the first of them gets it.
var<workgroup> team_words: array<Words, LANES * ROWS>;

@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    run(workgroup.x, index);
}

fn team_merge(index: u32, own: Partial) -> Partial {
    var merged = own;
    team_words[index] = partial_words(merged);
    for (var distance = TEAM / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if index % TEAM < distance {
            merged = partial_merge(merged, partial_from(team_words[index + distance]));
            team_words[index] = partial_words(merged);
        }
    }
    return merged;
}

// ---- reduce/output_partial.wgsl
// What is written: partial results that another kernel merges, or results. Each alternative defines
// `emit`, which the first lane of a team calls at the end.
@group(0) @binding(4) var<storage, read_write> partial_results: array<vec4<u32>>;

fn emit(index: u32, partial: Partial) {
    let words = partial_words(partial);
    let at = parameters.output_offset + index * PARTIAL_VECTORS;
    partial_results[at] = words[0];
    if PARTIAL_VECTORS == 2u { partial_results[at + 1u] = words[PARTIAL_VECTORS - 1u]; }
}

// ---- reduce/runs.wgsl
// Reduces runs of values that lie side by side: a run for each team of lanes, a part of a long run,
// or several short runs one after the other.

// Values that the lanes of a run read at a time.
const BLOCK: u32 = 4u * VECTORS * LANES;

// Which runs a team takes, and from where to where.
struct Span {
    outer: u32,
    first_run: u32,
    rounds: u32,
    first: u32,
    end: u32,
}

fn terms_at(span: Span, run: Run, column: u32, present: u32) -> Terms {
    let elements = elements_at(run, column, span.end, present);
    return terms_of(elements.bits, elements.weights, present, elements.results);
}

fn take(accumulator: ptr<function, Accumulator>, terms: Terms, present: u32, is_ahead: bool) {
    if is_ahead {
        look_ahead(accumulator, terms.bits, terms.weights);
    } else if READS_ONCE {
        let cleared = terms_cleared(accumulator, terms);
        accumulate(accumulator, cleared.bits, cleared.weights, present);
    } else {
        accumulate(accumulator, terms.bits, terms.weights, present);
    }
}

// A block that ends with its run.
fn scan_end(accumulator: ptr<function, Accumulator>, span: Span, run: Run, block: u32, lane: u32, is_ahead: bool) {
    for (var k = 0u; k < VECTORS; k++) {
        let column = block + 4u * (k * LANES + lane);
        if column < span.end {
            let present = min(span.end - column, 4u);
            take(accumulator, terms_at(span, run, column, present), present, is_ahead);
        }
    }
}

fn scan_run(accumulator: ptr<function, Accumulator>, span: Span, at: u32, lane: u32) {
    let whole = span.first + (span.end - span.first) / BLOCK * BLOCK;
    let run = run_at(span.outer, at);
    // Nothing is asked of whole blocks.
    for (var block = span.first; block < whole; block += BLOCK) {
        if LOOKS_AHEAD {
            for (var k = 0u; k < VECTORS; k++) {
                take(accumulator, terms_at(span, run, block + 4u * (k * LANES + lane), 4u), 4u, true);
            }
            take_ahead(accumulator);
        }
        for (var k = 0u; k < VECTORS; k++) {
            take(accumulator, terms_at(span, run, block + 4u * (k * LANES + lane), 4u), 4u, false);
        }
    }
    for (var block = whole; block < span.end; block += BLOCK) {
        if LOOKS_AHEAD {
            scan_end(accumulator, span, run, block, lane, true);
            take_ahead(accumulator);
        }
        scan_end(accumulator, span, run, block, lane, false);
    }
}

// The same, one vector at a time, without infinities and NaN but noting them.
fn scan_cleared(accumulator: ptr<function, Accumulator>, span: Span, at: u32, lane: u32) {
    let run = run_at(span.outer, at);
    for (var column = span.first + 4u * lane; column < span.end; column += 4u * LANES) {
        let present = min(span.end - column, 4u);
        let terms = terms_cleared(accumulator, terms_at(span, run, column, present));
        if LOOKS_AHEAD {
            take(accumulator, terms, present, true);
            take_ahead(accumulator);
        }
        take(accumulator, terms, present, false);
    }
}

fn scan(accumulator: ptr<function, Accumulator>, span: Span, lane: u32, is_cleared: bool) {
    if !IS_GROUPED {
        if is_cleared {
            scan_cleared(accumulator, span, span.first_run, lane);
        } else {
            scan_run(accumulator, span, span.first_run, lane);
        }
        return;
    }
    for (var round = 0u; round < span.rounds; round++) {
        let at = span.first_run + round * ROWS;
        if at >= parameters.runs { break; }
        if is_cleared {
            scan_cleared(accumulator, span, at, lane);
        } else {
            scan_run(accumulator, span, at, lane);
        }
    }
}

fn run(group: u32, index: u32) {
    var part = 0u;
    var unit = 0u;
    var outer = 0u;
    if ALONG_PARTS {
        part = group;
    } else if ALONG_UNITS {
        unit = group;
    } else {
        part = group % parameters.parts;
        unit = group / parameters.parts % parameters.units;
        outer = group / parameters.parts / parameters.units;
    }
    begin_terms(index);
    let slot = index / LANES;
    let lane = index % LANES;
    let first = part * parameters.part_length;
    let first_run = unit * ROWS * parameters.rounds + slot;
    // A team beyond the last run reads nothing, but meets the others.
    let length = select(parameters.length, 0u, first_run >= parameters.runs);
    let span = Span(outer, min(first_run, parameters.runs - 1u), parameters.rounds, first, max(first, min(first + parameters.part_length, length)));

    var pivot = 0.0;
    // The same for all lanes that meet.
    let pivot_run = select(span.first_run, unit * ROWS * parameters.rounds, IS_GROUPED);
    if HAS_PIVOT && first < parameters.length {
        let end = min(first + parameters.part_length, parameters.length);
        let present = min(end - first, 4u);
        let whole = Span(outer, pivot_run, 0u, first, end);
        let terms = terms_at(whole, run_at(outer, pivot_run), first, present);
        pivot = pivot_of(terms.bits, terms.weights, present);
    }
    var accumulator = accumulator_new(pivot);
    scan(&accumulator, span, lane, false);
    if !READS_ONCE {
        // Infinities and NaN are rare: the values are read again to tell them apart.
        var again = span;
        let is_unusual = accumulator_is_unusual(accumulator);
        again.end = select(first, span.end, is_unusual);
        if is_unusual { accumulator = accumulator_new(pivot); }
        scan(&accumulator, again, lane, true);
    }

    finish_terms(index);
    let merged = team_merge(index, partial_of(accumulator));
    if index % TEAM == 0u && first_run < parameters.runs {
        let at = select(first_run, unit, IS_GROUPED);
        emit(outer * parameters.output_outer + at * parameters.output_inner + part * parameters.output_part, merged);
    }
}
