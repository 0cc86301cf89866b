// The mean of values by their weights.
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

struct Accumulator {
    sum: Exact4,
    weight: Exact4,
    met: vec2<u32>, // of the products and of the weights
}

struct Partial {
    sum: Sum,
    weight: Sum,
}

fn accumulator_new(pivot: f32) -> Accumulator {
    let none = Exact4(vec4<f32>(0.0), vec4<f32>(0.0));
    return Accumulator(none, none, vec2<u32>(0u));
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
    return exact4_is_unusual(accumulator.sum) || exact4_is_unusual(accumulator.weight);
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= vec2<u32>(of_product, of_weight);
}

fn partial_of(accumulator: Accumulator) -> Partial {
    return Partial(
        Sum(exact4_total(accumulator.sum), accumulator.met.x),
        Sum(exact4_total(accumulator.weight), accumulator.met.y),
    );
}

fn partial_empty() -> Partial {
    let none = Sum(Exact(0.0, 0.0), 0u);
    return Partial(none, none);
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    return Partial(sum_merge(a.sum, b.sum), sum_merge(a.weight, b.weight));
}

fn partial_words(partial: Partial) -> Words {
    let sum = partial.sum.finite;
    let weight = partial.weight.finite;
    return Words(
        bitcast<vec4<u32>>(vec4<f32>(sum.high, sum.low, weight.high, weight.low)),
        vec4<u32>(partial.sum.met, partial.weight.met, 0u, 0u),
    );
}

fn partial_from(words: Words) -> Partial {
    let values = bitcast<vec4<f32>>(words[0]);
    return Partial(
        Sum(Exact(values.x, values.y), words[1].x),
        Sum(Exact(values.z, values.w), words[1].y),
    );
}

fn result_of(partial: Partial) -> Result {
    return Result(sum_quotient_bits(partial.sum, partial.weight, MASKED), sum_bits(partial.weight));
}
