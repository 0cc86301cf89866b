// The largest or the smallest value, as whole numbers in the same order: exact, and no compiler
// can assume infinities and NaN away. For the smallest, the order is turned round.
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

const RANK_NOTHING: i32 = -0x7fffffff;
const RANK_NAN: i32 = 0x7fffffff;

struct Accumulator {
    rank: vec4<i32>,
}

alias Partial = i32;

fn pivot_of(bits: vec4<u32>, weights: vec4<u32>, present: u32) -> f32 {
    return 0.0;
}

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(vec4<i32>(RANK_NOTHING));
}

// Turns the negative numbers' order round; its own inverse.
fn turned(bits: vec4<i32>) -> vec4<i32> {
    return bits ^ ((bits >> vec4<u32>(31u)) & vec4<i32>(0x7fffffff));
}

// Values are taken as they come.
fn look_ahead(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>) {
}

fn take_ahead(accumulator: ptr<function, Accumulator>) {
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    let sign = select(0x80000000u, 0u, IS_MAXIMUM);
    var rank = turned(bitcast<vec4<i32>>(bits ^ vec4<u32>(sign)));
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    rank = select(rank, vec4<i32>(RANK_NAN), magnitude > vec4<u32>(0x7f800000u));
    if IS_WEIGHTED {
        let is_out = (weight_bits & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u);
        rank = select(rank, vec4<i32>(RANK_NOTHING), is_out);
    } else {
        rank = select(rank, vec4<i32>(RANK_NOTHING), vec4<u32>(0u, 1u, 2u, 3u) >= vec4<u32>(present));
    }
    (*accumulator).rank = max((*accumulator).rank, rank);
}

fn accumulator_is_unusual(accumulator: Accumulator) -> bool {
    return false;
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
}

// No term leaves the range of f32.
fn term_is_far(accumulator: Accumulator, x: f32, w: f32) -> bool {
    return false;
}

fn accumulate_far(accumulator: ptr<function, Accumulator>, x: f32, w: f32) -> u32 {
    return NEUTRAL;
}

fn partial_of(accumulator: Accumulator) -> Partial {
    let rank = accumulator.rank;
    return max(max(rank.x, rank.y), max(rank.z, rank.w));
}

fn partial_empty() -> Partial {
    return RANK_NOTHING;
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    return max(a, b);
}

fn partial_words(partial: Partial) -> Words {
    return Words(vec4<u32>(bitcast<u32>(partial), 0u, 0u, 0u));
}

fn partial_from(words: Words) -> Partial {
    return bitcast<i32>(words[0].x);
}

fn result_of(partial: Partial) -> Result {
    let sign = select(0x80000000u, 0u, IS_MAXIMUM);
    if partial == RANK_NAN { return Result(0x7fc00000u); }
    if partial == RANK_NOTHING { return Result(0xff800000u ^ sign); }
    return Result(bitcast<u32>(turned(vec4<i32>(partial)).x) ^ sign);
}
