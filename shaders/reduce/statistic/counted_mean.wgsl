// The mean over a number of values: all of them, or those whose weight is not 0.
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

struct Accumulator {
    sum: Exact4,
    met: u32,
    count: u32,
}

struct Partial {
    sum: Sum,
    count: u32,
}

fn accumulator_new(pivot: f32) -> Accumulator {
    return Accumulator(Exact4(vec4<f32>(0.0), vec4<f32>(0.0)), 0u, 0u);
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

fn partial_of(accumulator: Accumulator) -> Partial {
    return Partial(Sum(exact4_total(accumulator.sum), accumulator.met), accumulator.count);
}

fn partial_empty() -> Partial {
    return Partial(Sum(Exact(0.0, 0.0), 0u), 0u);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    return Partial(sum_merge(a.sum, b.sum), a.count + b.count);
}

fn partial_words(partial: Partial) -> Words {
    let finite = partial.sum.finite;
    return Words(vec4<u32>(bitcast<vec2<u32>>(vec2<f32>(finite.high, finite.low)), partial.sum.met, partial.count));
}

fn partial_from(words: Words) -> Partial {
    let finite = bitcast<vec2<f32>>(words[0].xy);
    return Partial(Sum(Exact(finite.x, finite.y), words[0].z), words[0].w);
}

fn result_of(partial: Partial) -> Result {
    let divisor = Sum(exact_count(partial.count), 0u);
    return Result(sum_quotient_bits(partial.sum, divisor, MASKED), sum_bits(divisor));
}
