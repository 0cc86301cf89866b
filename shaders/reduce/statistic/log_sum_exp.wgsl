// log |sum w exp(x)| and the sum's sign: the largest x, the weights of the values equal to it, and
// the rest of the sum relative to it, which may be small and must not be rounded to the former's size.
const NEUTRAL: u32 = 0xff800000u; // -inf
const LOOKS_AHEAD: bool = true;

struct Accumulator {
    maximum: f32,
    at_maximum: f32,
    below: f32,
    ahead: vec4<f32>, // largest values of the block that is summed next
    largest_signed: vec4<i32>,
    largest_unsigned: vec4<u32>,
    largest_weight: vec4<u32>,
    met: u32,
}

struct Partial {
    maximum: f32,
    at_maximum: f32,
    below: f32,
    met: u32,
}

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(
        LOWEST,
        0.0,
        0.0,
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
    let is_same = rescale == 1.0;
    let all = (*accumulator).at_maximum + (*accumulator).below;
    (*accumulator).below = select(all * rescale, (*accumulator).below, is_same);
    (*accumulator).at_maximum = select(0.0, (*accumulator).at_maximum, is_same);
    (*accumulator).maximum = maximum;
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    let x = bitcast<vec4<f32>>(left_in(bits, weight_bits));
    let e = exp_nonpositive(x - (*accumulator).maximum);
    let is_at = e == vec4<f32>(1.0);
    var at_maximum = select(vec4<f32>(0.0), vec4<f32>(1.0), is_at);
    var below = select(e, vec4<f32>(0.0), is_at);
    if IS_WEIGHTED {
        at_maximum *= bitcast<vec4<f32>>(weight_bits);
        below *= bitcast<vec4<f32>>(weight_bits);
    }
    (*accumulator).at_maximum += (at_maximum.x + at_maximum.y) + (at_maximum.z + at_maximum.w);
    (*accumulator).below += (below.x + below.y) + (below.z + below.w);
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

fn partial_of(accumulator: Accumulator) -> Partial {
    return Partial(accumulator.maximum, accumulator.at_maximum, accumulator.below, accumulator.met);
}

fn partial_empty() -> Partial {
    return Partial(LOWEST, 0.0, 0.0, 0u);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    let a_leads = a.maximum >= b.maximum;
    let high = vec3<f32>(select(b.maximum, a.maximum, a_leads), select(b.at_maximum, a.at_maximum, a_leads), select(b.below, a.below, a_leads));
    let low = vec3<f32>(select(a.maximum, b.maximum, a_leads), select(a.at_maximum, b.at_maximum, a_leads), select(a.below, b.below, a_leads));
    let rescale = exp_difference_scalar(low.x, high.x);
    let is_same = rescale == 1.0;
    let low_part = select((low.y + low.z) * rescale, low.z, is_same);
    return Partial(high.x, high.y + select(0.0, low.y, is_same), high.z + low_part, a.met | b.met);
}

fn partial_words(partial: Partial) -> Words {
    return Words(vec4<u32>(bitcast<vec3<u32>>(vec3<f32>(partial.maximum, partial.at_maximum, partial.below)), partial.met));
}

fn partial_from(words: Words) -> Partial {
    let values = bitcast<vec3<f32>>(words[0].xyz);
    return Partial(values.x, values.y, values.z, words[0].w);
}

// What a term w exp(x) is: 0 where it is finite.
fn met_by_term(bits: u32, weight_bits: u32) -> u32 {
    let of_x = met_by(bits);
    let of_w = met_by(weight_bits);
    if of_x == MET_NAN || of_w == MET_NAN { return MET_NAN; }
    if of_x == MET_NEGATIVE { return select(0u, MET_NAN, of_w != 0u); }
    if of_x == MET_POSITIVE || of_w != 0u {
        return select(MET_POSITIVE, MET_NEGATIVE, (weight_bits & 0x80000000u) != 0u);
    }
    return 0u;
}

// Value and sign, and what a backward needs: the maximum, and the sum relative to it.
fn result_of(partial: Partial) -> Result {
    let nan = 0x7fc00000u;
    if partial.met == MET_POSITIVE { return Result(0x7f800000u, bitcast<u32>(1.0), 0u, 0u); }
    if partial.met == MET_NEGATIVE { return Result(0x7f800000u, bitcast<u32>(-1.0), 0u, 0u); }
    if partial.met != 0u { return Result(nan, nan, 0u, 0u); }
    let sum = partial.at_maximum + partial.below;
    if sum == 0.0 { return Result(0xff800000u, 0u, 0u, 0u); }
    // |sum| - 1, by the sum's parts: exactly 0 where one value of weight 1 is all there is.
    let sign = select(-1.0, 1.0, sum > 0.0);
    let less_one = (sign * partial.at_maximum - 1.0) + sign * partial.below;
    return Result(
        bitcast<u32>(partial.maximum + log_positive(abs(sum), less_one)),
        bitcast<u32>(sign),
        bitcast<u32>(partial.maximum),
        bitcast<u32>(sum),
    );
}
