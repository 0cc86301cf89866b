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
