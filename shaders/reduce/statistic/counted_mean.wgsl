// The mean over a number of values: all of them, or those whose weight is not 0.
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

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(Exact4(vec4<f32>(0.0), vec4<f32>(0.0)), WIDE_ZERO, 0u, 0u);
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    var sum = (*accumulator).sum;
    let x = bitcast<vec4<f32>>(bits);
    if IS_WEIGHTED {
        exact4_add_products(&sum, bitcast<vec4<f32>>(weight_bits), x);
        let counts = select(vec4<u32>(0u), vec4<u32>(1u), (weight_bits & vec4<u32>(0x7fffffffu)) != vec4<u32>(0u));
        (*accumulator).count += (counts.x + counts.y) + (counts.z + counts.w);
    } else {
        exact4_add(&sum, x);
        (*accumulator).count += present;
    }
    (*accumulator).sum = sum;
}

fn accumulator_is_unusual(accumulator: Accumulator) -> bool {
    return exact4_is_unusual(accumulator.sum);
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= of_product;
    // A weight that is not finite was replaced by 0, but is not 0.
    (*accumulator).count += select(0u, 1u, of_weight != 0u);
}

fn term_is_far(accumulator: Accumulator, x: f32, w: f32) -> bool {
    if IS_WEIGHTED { return is_large(w * x); }
    return is_large(x);
}

fn accumulate_far(accumulator: ptr<function, Accumulator>, x: f32, w: f32) -> u32 {
    var term = wide_of(x);
    if IS_WEIGHTED {
        term = wide_product(wide_of(w), term);
        // Its weight is replaced by 0, but is not 0.
        (*accumulator).count += 1u;
    }
    (*accumulator).far = wide_sum((*accumulator).far, term);
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
    return Words(vec4<u32>(
        bitcast<u32>(finite.value.high),
        bitcast<u32>(finite.value.low),
        partial.sum.met | (bitcast<u32>(finite.exponent) << 8u),
        partial.count,
    ));
}

fn partial_from(words: Words) -> Partial {
    let finite = bitcast<vec2<f32>>(words[0].xy);
    let exponent = bitcast<i32>(words[0].z) >> 8u;
    return Partial(Sum(Wide(Exact(finite.x, finite.y), exponent), words[0].z & 0xffu), words[0].w);
}

fn result_of(partial: Partial) -> Result {
    let divisor = Sum(Wide(exact_count(partial.count), 0), 0u);
    return Result(sum_quotient_bits(partial.sum, divisor, MASKED), sum_bits(divisor));
}
