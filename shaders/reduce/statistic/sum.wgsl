// The sum of values, of weighted values, or of their squares; divided by a number that is told.
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

struct Accumulator {
    sum: Exact4,
    far: Wide, // of terms that may not join the others
    met: u32,
}

alias Partial = Sum;

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(Exact4(vec4<f32>(0.0), vec4<f32>(0.0)), WIDE_ZERO, 0u);
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
}

fn accumulator_is_unusual(accumulator: Accumulator) -> bool {
    return exact4_is_unusual(accumulator.sum);
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= of_product;
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
    return NEUTRAL;
}

fn partial_of(accumulator: Accumulator) -> Partial {
    return Sum(wide_sum(wide_total(accumulator.sum), accumulator.far), accumulator.met);
}

fn partial_empty() -> Partial {
    return Sum(WIDE_ZERO, 0u);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    return sum_merge(a, b);
}

fn partial_words(partial: Partial) -> Words {
    let finite = partial.finite;
    return Words(vec4<u32>(
        bitcast<u32>(finite.value.high),
        bitcast<u32>(finite.value.low),
        partial.met,
        bitcast<u32>(finite.exponent),
    ));
}

fn partial_from(words: Words) -> Partial {
    let finite = bitcast<vec2<f32>>(words[0].xy);
    return Sum(Wide(Exact(finite.x, finite.y), bitcast<i32>(words[0].w)), words[0].z);
}

fn result_of(partial: Partial) -> Result {
    var result = Result();
    if RESULT_WORDS == 2u { result[RESULT_WORDS - 1u] = sum_part_bits(partial); }
    if IS_MEAN {
        let divisor = Sum(Wide(Exact(parameters.divisor_high, parameters.divisor_low), 0), 0u);
        result[0] = sum_quotient_bits(partial, divisor, MASKED);
    } else {
        result[0] = sum_bits(partial);
    }
    return result;
}
