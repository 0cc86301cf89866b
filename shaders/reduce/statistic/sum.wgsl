// The sum of values, of weighted values, or of their squares; divided by a number that is told.
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

struct Accumulator {
    sum: Exact4,
    met: u32,
}

alias Partial = Sum;

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(Exact4(vec4<f32>(0.0), vec4<f32>(0.0)), 0u);
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

fn partial_of(accumulator: Accumulator) -> Partial {
    return Sum(exact4_total(accumulator.sum), accumulator.met);
}

fn partial_empty() -> Partial {
    return Sum(Exact(0.0, 0.0), 0u);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    return sum_merge(a, b);
}

fn partial_words(partial: Partial) -> Words {
    return Words(vec4<u32>(bitcast<vec2<u32>>(vec2<f32>(partial.finite.high, partial.finite.low)), partial.met, 0u));
}

fn partial_from(words: Words) -> Partial {
    let finite = bitcast<vec2<f32>>(words[0].xy);
    return Sum(Exact(finite.x, finite.y), words[0].z);
}

fn result_of(partial: Partial) -> Result {
    if IS_MEAN {
        let divisor = Sum(Exact(parameters.divisor_high, parameters.divisor_low), 0u);
        return Result(sum_quotient_bits(partial, divisor, MASKED));
    }
    return Result(sum_bits(partial));
}
