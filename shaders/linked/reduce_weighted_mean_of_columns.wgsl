// wgpu-loss wgsl reduce --statistic mean --axis column --weights --weights-axis row --dispatch 1
// reduction: 1 dispatch of 1 kernel
// buffer 0: values, 4096000 bytes
// buffer 1: weights, 4096 bytes
// buffer 2: partial_results, 512000 bytes, scratch
// buffer 3: results, 12000 bytes

// ==== dispatch 1 of 1: wgpu-loss reduce ColumnsVariant { values: ReducedValues { statistic: WeightedMean, element: F32, weights: Along(F32), masked: false, term: None }, rows: Parts, lanes: 256, vectors: 2, is_shallow: true, output: Partial }
// workgroups: 64
// binding  0 uniform    parameters: 288 bytes
// binding  1 read       values: bytes 0 to 4096000 of buffer 0, in elements of 4
// binding  2 read       weights: bytes 0 to 4096 of buffer 1, in elements of 4
// binding  4 read_write partial_results: bytes 0 to 512000 of buffer 2, in elements of 16
// uniforms: runs = 4294967295u; units = 4u; parts = 16u; length = 1024u; part_length = 64u;
//    columns = 1000u; width = 256u; depth = 1u; values_inner = 1000u; weights_inner = 1u;
//    result_step = 1u; output_outer = 16000u; output_inner = 16u; output_part = 1u; upstream = 1.0f; all others 0

const LANES: u32 = 256u;
const ROWS: u32 = 1u;
const VECTORS: u32 = 2u;
const TEAM: u32 = 1u;
const IS_INTERLEAVED: bool = false;
const IS_WEIGHTED: bool = true;
const IS_MEAN: bool = false;
const IS_COUNTED_MEAN: bool = false;
const IS_SQUARED: bool = false;
const IS_MAXIMUM: bool = false;
const MASKED: bool = false;
const PARTIAL_VECTORS: u32 = 2u;
const RESULT_WORDS: u32 = 3u;
alias Words = array<vec4<u32>, PARTIAL_VECTORS>;
alias Result = array<u32, RESULT_WORDS>;
const HAS_TERM: bool = false;
const IS_WEIGHT_GRADIENT: bool = false;
const IS_OF_EXPONENTIALS: bool = false;
const HAS_PIVOT: bool = false;
const READS_ONCE: bool = false;
const IS_CUT: bool = true;
const LEAVES_OUT: bool = false;
const weights_IS_OF_RUN: bool = false;
const IS_SHALLOW: bool = true;
const ROWS_ARE_SORTED: bool = false;
const values_BINDING: u32 = 1u;
const weights_BINDING: u32 = 2u;

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

// ---- reduce/statistic/weighted_mean.wgsl
// The mean of values by their weights.
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

struct Accumulator {
    sum: Exact4,
    weight: Exact4,
    far_sum: Wide, // of terms that may not join the others
    far_weight: Wide,
    met: vec2<u32>, // of the products and of the weights
}

struct Partial {
    sum: Sum,
    weight: Sum,
}

fn pivot_of(bits: vec4<u32>, weights: vec4<u32>, present: u32) -> f32 {
    return 0.0;
}

fn accumulator_new(pivot: f32) -> Accumulator {
    let none = Exact4(vec4<f32>(0.0), vec4<f32>(0.0));
    return Accumulator(none, none, WIDE_ZERO, WIDE_ZERO, vec2<u32>(0u));
}

// Values are taken as they come.
fn look_ahead(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>) {
}

fn take_ahead(accumulator: ptr<function, Accumulator>) {
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    let w = bitcast<vec4<f32>>(weight_bits);
    var sum = (*accumulator).sum;
    exact4_add_products(&sum, w, bitcast<vec4<f32>>(bits));
    (*accumulator).sum = sum;
    var weight = (*accumulator).weight;
    exact4_add(&weight, w);
    (*accumulator).weight = weight;
}

fn accumulator_is_unusual(accumulator: Accumulator) -> bool {
    return exact4_is_unusual(accumulator.sum) || exact4_is_unusual(accumulator.weight)
        || exact4_is_lost(accumulator.sum, accumulator.weight);
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= vec2<u32>(of_product, of_weight);
}

fn term_is_far(accumulator: Accumulator, x: f32, w: f32) -> bool {
    return is_large(w) || is_large(w * x) || (is_small(w * x) && w != 0.0 && x != 0.0);
}

fn accumulate_far(accumulator: ptr<function, Accumulator>, x: f32, w: f32) -> u32 {
    (*accumulator).far_sum = wide_sum((*accumulator).far_sum, wide_product(wide_of(w), wide_of(x)));
    (*accumulator).far_weight = wide_sum((*accumulator).far_weight, wide_of(w));
    return NEUTRAL;
}

fn partial_of(accumulator: Accumulator) -> Partial {
    let sum = wide_sum(wide_total(accumulator.sum), accumulator.far_sum);
    let weight = wide_sum(wide_total(accumulator.weight), accumulator.far_weight);
    return Partial(Sum(sum, accumulator.met.x), Sum(weight, accumulator.met.y));
}

fn partial_empty() -> Partial {
    let none = Sum(WIDE_ZERO, 0u);
    return Partial(none, none);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    return Partial(sum_merge(a.sum, b.sum), sum_merge(a.weight, b.weight));
}

fn partial_words(partial: Partial) -> Words {
    let sum = partial.sum.finite;
    let weight = partial.weight.finite;
    return Words(
        bitcast<vec4<u32>>(vec4<f32>(sum.value.high, sum.value.low, weight.value.high, weight.value.low)),
        vec4<u32>(partial.sum.met, partial.weight.met, bitcast<u32>(sum.exponent), bitcast<u32>(weight.exponent)),
    );
}

fn partial_from(words: Words) -> Partial {
    let values = bitcast<vec4<f32>>(words[0]);
    return Partial(
        Sum(Wide(Exact(values.x, values.y), bitcast<i32>(words[1].z)), words[1].x),
        Sum(Wide(Exact(values.z, values.w), bitcast<i32>(words[1].w)), words[1].y),
    );
}

fn result_of(partial: Partial) -> Result {
    let mean = sum_quotient_bits(partial.sum, partial.weight, MASKED);
    return Result(mean, sum_bits(partial.weight), sum_part_bits(partial.weight));
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

// ---- element/load_scalar.wgsl for values
// Values read one by one, for rows that start or end between vectors or whose classes lie apart. The
// same lane gets the same columns as with vectors, so the bits of a result do not depend on it.
fn values_load1(start: u32, column: u32) -> u32 {
    let element = element_at(start, column);
    return widened_f32(values_word(element / PER_WORD_f32), element);
}

// Four neighbouring classes by four reads; -inf beyond the row's end. Without branches, of which
// software drivers run both sides: in place of what lies beyond, the row's last class is read.
fn values_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    let wanted = columns4(column);
    let last = vec4<u32>(end - 1u);
    let at = min(wanted, last);
    let bits = vec4<u32>(
        values_load1(start, at.x),
        values_load1(start, at.y),
        values_load1(start, at.z),
        values_load1(start, at.w),
    );
    return select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), wanted > last);
}

// ---- element/words_plain.wgsl for values
// Both files of words define values_Stored and values_word, for element/load_scalar.wgsl. Here nobody else
// writes a word while it is read.
alias values_Stored = u32;

fn values_word(index: u32) -> u32 {
    return values[index];
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

// ---- element/load_scalar.wgsl for weights
// Values read one by one, for rows that start or end between vectors or whose classes lie apart. The
// same lane gets the same columns as with vectors, so the bits of a result do not depend on it.
fn weights_load1(start: u32, column: u32) -> u32 {
    let element = element_at(start, column);
    return widened_f32(weights_word(element / PER_WORD_f32), element);
}

// Four neighbouring classes by four reads; -inf beyond the row's end. Without branches, of which
// software drivers run both sides: in place of what lies beyond, the row's last class is read.
fn weights_load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    let wanted = columns4(column);
    let last = vec4<u32>(end - 1u);
    let at = min(wanted, last);
    let bits = vec4<u32>(
        weights_load1(start, at.x),
        weights_load1(start, at.y),
        weights_load1(start, at.z),
        weights_load1(start, at.w),
    );
    return select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), wanted > last);
}

// ---- element/words_plain.wgsl for weights
// Both files of words define weights_Stored and weights_word, for element/load_scalar.wgsl. Here nobody else
// writes a word while it is read.
alias weights_Stored = u32;

fn weights_word(index: u32) -> u32 {
    return weights[index];
}

// ---- operand/read.wgsl for weights
// A buffer that is read: _at gives one of its elements. Its number is the prelude's, its element type
// that of the loads.
@group(0) @binding(weights_BINDING) var<storage, read> weights: array<weights_Stored>;

fn weights_at(index: u32) -> weights_Stored {
    return weights[index];
}

// ---- operand/broadcast.wgsl for weights
// Factors, one for each value or IS_OF_RUN: _of_run gives that of a run, asked for once; 4 those of four
// values; 1 that of a value of a column.
fn weights_of_run(start: u32) -> u32 {
    if !weights_IS_OF_RUN { return 0u; }
    return weights_load1(start, 0u);
}

fn weights4(of_run: u32, start: u32, column: u32, end: u32) -> vec4<u32> {
    if weights_IS_OF_RUN { return vec4<u32>(of_run); }
    return weights_load4(start, column, end);
}

fn weights1(index: u32) -> u32 {
    return weights_load1(index, 0u);
}

// ---- reduce/column.wgsl
// What a reduction over columns takes from them; here their values. Each alternative defines
//   Column, column_at  a column, and where row 0 of it has its operands: once for each
//   terms_at           the terms of four of its values: at every four
struct Column {
    values: u32,
    weights: u32,
    result: u32,
}

fn column_at(outer: u32, column: u32) -> Column {
    return Column(
        parameters.values_offset + outer * parameters.values_outer + column,
        parameters.weights_offset + outer * parameters.weights_outer + column * parameters.weights_step,
        outer * parameters.result_outer + column * parameters.result_step,
    );
}

fn value_at(span: Span, row: u32) -> u32 {
    return values_load1(span.column.values + row * parameters.values_inner, 0u);
}

fn weight_at(span: Span, row: u32) -> u32 {
    return weights1(span.column.weights + row * parameters.weights_inner);
}

fn result_at(span: Span, row: u32) -> u32 {
    return span.column.result + row * parameters.result_inner;
}

// Four values of a column, `depth` rows apart.
fn terms_at(span: Span, position: u32) -> Terms {
    let last = span.end - 1u;
    let positions = min(vec4<u32>(position) + vec4<u32>(0u, 1u, 2u, 3u) * parameters.depth, vec4<u32>(last));
    let rows = vec4<u32>(row_at(positions.x), row_at(positions.y), row_at(positions.z), row_at(positions.w));
    let bits = vec4<u32>(value_at(span, rows.x), value_at(span, rows.y), value_at(span, rows.z), value_at(span, rows.w));
    let weights = vec4<u32>(weight_at(span, rows.x), weight_at(span, rows.y), weight_at(span, rows.z), weight_at(span, rows.w));
    var results = vec4<u32>(0u);
    if HAS_TERM {
        results = vec4<u32>(result_at(span, rows.x), result_at(span, rows.y), result_at(span, rows.z), result_at(span, rows.w));
    }
    return terms_of(bits, weights, present_at(span, position), results);
}

// ---- elementwise/uncounted.wgsl
// Nothing is counted beside the terms: nothing before the first, at four elements or behind the last.
fn begin_terms(index: u32) {
}

fn count4(x: vec4<u32>, t: vec4<u32>, weights: vec4<u32>, present: u32) {
}

fn finish_terms(index: u32) {
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

// ---- reduce/columns.wgsl
// Reduces columns: lanes that are neighbours take neighbouring columns, and where there are few of
// them several lanes share a column, each with every depth-th row.

var<workgroup> column_words: array<Words, LANES>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    run(workgroup.x, index);
}

// A column's rows, and where row 0 of it has its operands.
struct Span {
    first: u32,
    end: u32,
    column: Column,
}

fn present_at(span: Span, position: u32) -> u32 {
    return min((span.end - position + parameters.depth - 1u) / parameters.depth, 4u);
}

fn scan(accumulator: ptr<function, Accumulator>, span: Span, is_cleared: bool) {
    let stride = 4u * parameters.depth;
    for (var block = span.first; block < span.end; block += VECTORS * stride) {
        if LOOKS_AHEAD {
            for (var k = 0u; k < VECTORS; k++) {
                let position = block + k * stride;
                if position < span.end {
                    var terms = terms_at(span, position);
                    if is_cleared { terms = terms_cleared(accumulator, terms); }
                    look_ahead(accumulator, terms.bits, terms.weights);
                }
            }
            take_ahead(accumulator);
        }
        for (var k = 0u; k < VECTORS; k++) {
            let position = block + k * stride;
            if position < span.end {
                var terms = terms_at(span, position);
                if is_cleared || READS_ONCE { terms = terms_cleared(accumulator, terms); }
                accumulate(accumulator, terms.bits, terms.weights, present_at(span, position));
            }
        }
    }
}

fn run(group: u32, index: u32) {
    begin_terms(index);
    let unit = group % parameters.units;
    let part = parameters.first_part + group / parameters.units % parameters.parts;
    let outer = group / parameters.units / parameters.parts;
    // Pieces of segments that share a workgroup; else there is one of each.
    let of_piece = parameters.width * parameters.depth;
    let pieces = LANES / of_piece;
    let piece = part * pieces + index / of_piece;
    let lane = index % of_piece / parameters.width;
    let column = unit * parameters.width + index % parameters.width;
    let is_used = index / of_piece < pieces && column < parameters.columns && piece < parameters.runs;

    var range = vec2<u32>(0u);
    if is_used { range = row_range(piece, part); }
    let start = Span(
        range.x,
        range.y,
        column_at(outer, column),
    );
    var pivot = 0.0;
    if HAS_PIVOT && range.x < range.y {
        let terms = terms_at(start, range.x);
        pivot = pivot_of(terms.bits, terms.weights, present_at(start, range.x));
    }
    var span = start;
    span.first += lane;
    var accumulator = accumulator_new(pivot);
    scan(&accumulator, span, false);
    if !READS_ONCE {
        let is_unusual = accumulator_is_unusual(accumulator);
        if is_unusual { accumulator = accumulator_new(pivot); }
        var again = span;
        again.end = select(0u, span.end, is_unusual);
        scan(&accumulator, again, true);
    }
    finish_terms(index);

    var merged = partial_of(accumulator);
    if !IS_SHALLOW {
        column_words[index] = partial_words(merged);
        var distance = 1u;
        while distance < parameters.depth { distance <<= 1u; }
        for (distance >>= 1u; distance > 0u; distance >>= 1u) {
            workgroupBarrier();
            if is_used && lane < distance && lane + distance < parameters.depth {
                merged = partial_merge(merged, partial_from(column_words[index + distance * parameters.width]));
                column_words[index] = partial_words(merged);
            }
        }
    }
    if is_used && lane == 0u {
        emit(outer * parameters.output_outer + column * parameters.output_inner + output_piece(piece, part) * parameters.output_part, merged);
    }
}

// ---- reduce/parts.wgsl
// What a workgroup takes of each column, and which partial results make up a result; here parts of all
// rows. Each alternative defines
//   row_range     the first position that a lane's piece has, and the one behind the last
//   row_at        the row at a position
//   output_piece  the number of the piece's partial result
//   merged_range  the partial results of a result: the first, how far apart they are, and how many
fn row_range(piece: u32, part: u32) -> vec2<u32> {
    let first = part * parameters.part_length;
    return vec2<u32>(first, min(first + parameters.part_length, parameters.length));
}

fn row_at(position: u32) -> u32 {
    return position;
}

fn output_piece(piece: u32, part: u32) -> u32 {
    return part;
}

struct MergedRange {
    first: u32,
    step: u32,
    count: u32,
}

fn merged_range(result: u32, group: u32) -> MergedRange {
    if result >= parameters.results { return MergedRange(0u, 0u, 0u); }
    let first = group * parameters.group_length;
    let count = min(parameters.group_length, parameters.merged - first);
    return MergedRange(result * parameters.merged + first, 1u, count);
}
