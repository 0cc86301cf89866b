// log |sum w exp(x)| and the sum's sign: the largest x, the weights of the values equal to it, and
// the rest of the sum relative to it, which may be small and must not be rounded to the former's size.
const NEUTRAL: u32 = 0xff800000u; // -inf
const LOOKS_AHEAD: bool = true;

// Sums of w exp(x - m): of the values at the maximum m, and of those below.
struct WeighedExponentials {
    at_maximum: Exact,
    below: Exact,
    is_scaled: bool, // by WEIGHT_SCALE
}

// Where weights are as large as this, sums of them may leave the range of f32.
const LARGE_WEIGHT: u32 = 0x6f800000u; // 2^96
const WEIGHT_SCALE: f32 = 0x1p-64f;

// Sums of exponentials: without weights all have the same sign, and two numbers suffice. Weights may
// have any sign: where they cancel, what is left must not be the rounding of what was there. Values that
// are equal have equal exponentials, which leave nothing.
struct Exponentials {
    at_maximum: f32,
    below: f32,
    weighted_at_maximum: Exact4,
    weighted_below: Exact4,
    is_scaled: bool, // by WEIGHT_SCALE
}

fn exponentials_new() -> Exponentials {
    let none = Exact4(vec4<f32>(0.0), vec4<f32>(0.0));
    return Exponentials(0.0, 0.0, none, none, false);
}

fn single(sum: Exact) -> Exact4 {
    return Exact4(vec4<f32>(sum.high, 0.0, 0.0, 0.0), vec4<f32>(sum.low, 0.0, 0.0, 0.0));
}

fn exact4_scaled(sums: Exact4) -> Exact4 {
    return Exact4(opaque4(sums.high * WEIGHT_SCALE), opaque4(sums.low * WEIGHT_SCALE));
}

// Makes them relative to a maximum that lies higher.
fn exponentials_lower(sums: ptr<function, Exponentials>, by: f32) {
    if IS_WEIGHTED {
        let all = exact_sum(exact4_total((*sums).weighted_at_maximum), exact4_total((*sums).weighted_below));
        (*sums).weighted_below = single(exact_product(all, Exact(by, 0.0)));
        (*sums).weighted_at_maximum = single(Exact(0.0, 0.0));
    } else {
        (*sums).below = ((*sums).at_maximum + (*sums).below) * by;
        (*sums).at_maximum = 0.0;
    }
}

// Weights that are so large that their sum may leave the range of f32 are added up smaller.
fn exponentials_bound(sums: ptr<function, Exponentials>, largest_weight: vec4<u32>) {
    if !IS_WEIGHTED { return; }
    if (*sums).is_scaled || all(largest_weight < vec4<u32>(LARGE_WEIGHT)) { return; }
    let exponentials = *sums;
    (*sums).weighted_at_maximum = exact4_scaled(exponentials.weighted_at_maximum);
    (*sums).weighted_below = exact4_scaled(exponentials.weighted_below);
    (*sums).is_scaled = true;
}

fn exponentials_add(sums: ptr<function, Exponentials>, e: vec4<f32>, weight_bits: vec4<u32>) {
    let is_at = e == vec4<f32>(1.0);
    let below = select(e, vec4<f32>(0.0), is_at);
    if IS_WEIGHTED {
        let w = opaque4(bitcast<vec4<f32>>(weight_bits) * select(1.0, WEIGHT_SCALE, (*sums).is_scaled));
        var weighted_at_maximum = (*sums).weighted_at_maximum;
        exact4_add(&weighted_at_maximum, select(vec4<f32>(0.0), w, is_at));
        (*sums).weighted_at_maximum = weighted_at_maximum;
        var weighted_below = (*sums).weighted_below;
        exact4_add_whole_products(&weighted_below, w, below);
        (*sums).weighted_below = weighted_below;
    } else {
        let at_maximum = select(vec4<f32>(0.0), vec4<f32>(1.0), is_at);
        (*sums).at_maximum += (at_maximum.x + at_maximum.y) + (at_maximum.z + at_maximum.w);
        (*sums).below += (below.x + below.y) + (below.z + below.w);
    }
}

fn exponentials_of(sums: Exponentials) -> WeighedExponentials {
    if IS_WEIGHTED {
        return WeighedExponentials(exact4_total(sums.weighted_at_maximum), exact4_total(sums.weighted_below), sums.is_scaled);
    }
    return WeighedExponentials(Exact(sums.at_maximum, 0.0), Exact(sums.below, 0.0), false);
}

struct Accumulator {
    maximum: f32,
    sums: Exponentials,
    ahead: vec4<f32>, // largest values of the block that is summed next
    largest_signed: vec4<i32>,
    largest_unsigned: vec4<u32>,
    largest_weight: vec4<u32>,
    met: u32,
}

struct Partial {
    maximum: f32,
    sums: WeighedExponentials,
    met: u32,
}

fn pivot_of(bits: vec4<u32>, weights: vec4<u32>, present: u32) -> f32 {
    return 0.0;
}

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(
        LOWEST,
        exponentials_new(),
        vec4<f32>(LOWEST),
        vec4<i32>(i32(-0x80000000)),
        vec4<u32>(0u),
        vec4<u32>(0u),
        0u,
    );
}

// Values of weight 0 have no part, whatever they are.
fn left_in(bits: vec4<u32>, weight_bits: vec4<u32>) -> vec4<u32> {
    if !IS_WEIGHTED { return bits; }
    let is_out = (weight_bits & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u);
    return select(bits, vec4<u32>(NEUTRAL), is_out);
}

fn look_ahead(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>) {
    let used = left_in(bits, weight_bits);
    (*accumulator).ahead = max((*accumulator).ahead, bitcast<vec4<f32>>(used));
    (*accumulator).largest_signed = max((*accumulator).largest_signed, bitcast<vec4<i32>>(used));
    (*accumulator).largest_unsigned = max((*accumulator).largest_unsigned, used);
    if IS_WEIGHTED {
        (*accumulator).largest_weight = max((*accumulator).largest_weight, weight_bits & vec4<u32>(0x7fffffffu));
    }
}

// Makes what was summed so far relative to the maximum that lies ahead.
fn take_ahead(accumulator: ptr<function, Accumulator>) {
    let ahead = (*accumulator).ahead;
    var found = max(max(ahead.x, ahead.y), max(ahead.z, ahead.w));
    // A compiler that assumes finite numbers may have dropped the floor at LOWEST.
    found = select(found, LOWEST, bitcast<u32>(found) == 0xff800000u);
    let maximum = max((*accumulator).maximum, found);
    let rescale = exp_difference_scalar((*accumulator).maximum, maximum);
    var sums = (*accumulator).sums;
    if rescale != 1.0 { exponentials_lower(&sums, rescale); }
    exponentials_bound(&sums, (*accumulator).largest_weight);
    (*accumulator).sums = sums;
    (*accumulator).maximum = maximum;
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    let x = bitcast<vec4<f32>>(left_in(bits, weight_bits));
    var sums = (*accumulator).sums;
    exponentials_add(&sums, exp_nonpositive(x - (*accumulator).maximum), weight_bits);
    (*accumulator).sums = sums;
}

fn accumulator_is_unusual(accumulator: Accumulator) -> bool {
    let signed = accumulator.largest_signed;
    let unsigned = accumulator.largest_unsigned;
    return any(signed >= vec4<i32>(0x7f800000)) || any(unsigned > vec4<u32>(0xff800000u))
        || any(accumulator.largest_weight >= vec4<u32>(0x7f800000u));
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= of_product;
}

// No term leaves the range of f32.
fn term_is_far(accumulator: Accumulator, x: f32, w: f32) -> bool {
    return false;
}

fn accumulate_far(accumulator: ptr<function, Accumulator>, x: f32, w: f32) -> u32 {
    return NEUTRAL;
}

fn partial_of(accumulator: Accumulator) -> Partial {
    return Partial(accumulator.maximum, exponentials_of(accumulator.sums), accumulator.met);
}

fn partial_empty() -> Partial {
    return Partial(LOWEST, WeighedExponentials(Exact(0.0, 0.0), Exact(0.0, 0.0), false), 0u);
}

fn times(a: Exact, scale: f32) -> Exact {
    return Exact(opaque(a.high * scale), opaque(a.low * scale));
}

// Scaled, unless they are.
fn scaled(sums: WeighedExponentials, is_scaled: bool) -> WeighedExponentials {
    let scale = select(1.0, WEIGHT_SCALE, is_scaled && !sums.is_scaled);
    return WeighedExponentials(times(sums.at_maximum, scale), times(sums.below, scale), is_scaled);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    var high = a;
    var low = b;
    if a.maximum < b.maximum {
        high = b;
        low = a;
    }
    let is_scaled = a.sums.is_scaled || b.sums.is_scaled;
    let upper = scaled(high.sums, is_scaled);
    let lower = scaled(low.sums, is_scaled);
    let rescale = exp_difference_scalar(low.maximum, high.maximum);
    let is_same = rescale == 1.0;
    var beside = Exact(0.0, 0.0);
    var below = lower.below;
    if is_same {
        beside = lower.at_maximum;
    } else {
        below = exact_product(exact_sum(lower.at_maximum, lower.below), Exact(rescale, 0.0));
    }
    let sums = WeighedExponentials(exact_sum(upper.at_maximum, beside), exact_sum(upper.below, below), is_scaled);
    return Partial(high.maximum, sums, a.met | b.met);
}

fn partial_words(partial: Partial) -> Words {
    let at_maximum = partial.sums.at_maximum;
    let below = partial.sums.below;
    return Words(
        bitcast<vec4<u32>>(vec4<f32>(at_maximum.high, at_maximum.low, below.high, below.low)),
        vec4<u32>(bitcast<u32>(partial.maximum), select(0u, 1u, partial.sums.is_scaled), partial.met, 0u),
    );
}

fn partial_from(words: Words) -> Partial {
    let sums = bitcast<vec4<f32>>(words[0]);
    return Partial(
        bitcast<f32>(words[1].x),
        WeighedExponentials(Exact(sums.x, sums.y), Exact(sums.z, sums.w), words[1].y != 0u),
        words[1].z,
    );
}

// Value and sign, and what a backward needs: the maximum, and the sum relative to it.
fn result_of(partial: Partial) -> Result {
    let nan = 0x7fc00000u;
    if partial.met == MET_POSITIVE { return Result(0x7f800000u, bitcast<u32>(1.0), 0u, 0u); }
    if partial.met == MET_NEGATIVE { return Result(0x7f800000u, bitcast<u32>(-1.0), 0u, 0u); }
    if partial.met != 0u { return Result(nan, nan, 0u, 0u); }
    let sums = partial.sums;
    let exact = exact_sum(sums.at_maximum, sums.below);
    let sum = exact.high;
    if sum == 0.0 { return Result(0xff800000u, 0u, 0u, 0u); }
    let sign = select(-1.0, 1.0, sum > 0.0);
    if sums.is_scaled { return result_of_scaled(partial.maximum, sum, sign); }
    // |sum| - 1, by the sum's parts: exactly 0 where one value of weight 1 is all there is.
    let less_one = exact_sum(exact_sum(times(sums.at_maximum, sign), Exact(-1.0, 0.0)), times(sums.below, sign));
    return Result(
        bitcast<u32>(partial.maximum + log_positive(abs(sum), less_one.high)),
        bitcast<u32>(sign),
        bitcast<u32>(partial.maximum),
        bitcast<u32>(sum),
    );
}

// The sum may be beyond the range of f32, so that what a backward is told is relative to a maximum
// that is larger by 64.
fn result_of_scaled(maximum: f32, sum: f32, sign: f32) -> Result {
    let magnitude = abs(sum);
    let log = log_positive(magnitude, magnitude - 1.0) + 44.3614196;
    let raised = two_sum(maximum, 64.0);
    // 2^64 exp(-64), and what rounding took off the maximum.
    let relative = sum * 2.95850890e-9 * (1.0 + raised.low);
    return Result(
        bitcast<u32>(maximum + log),
        bitcast<u32>(sign),
        bitcast<u32>(raised.high),
        bitcast<u32>(relative),
    );
}
