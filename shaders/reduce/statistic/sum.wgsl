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
