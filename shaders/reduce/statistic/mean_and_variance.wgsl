// Mean and variance from one read: sums of w, w d and w d^2 with d the distance from a pivot, which
// is a mean of a few of the values. A pivot near the mean keeps the squares small; a bad one costs
// digits that the exact sums have to spare.
const NEUTRAL: u32 = 0u;
const LOOKS_AHEAD: bool = false;

struct Accumulator {
    pivot: f32,
    weight: Exact4,
    first: Exact4,
    second: Exact4,
    count: u32,
    met: vec2<u32>, // of the products and of the weights
}

struct Partial {
    pivot: f32,
    weight: Exact,
    first: Exact,
    second: Exact,
    met: vec2<u32>,
}

fn accumulator_new(pivot: f32) -> Accumulator {
    let none = Exact4(vec4<f32>(0.0), vec4<f32>(0.0));
    return Accumulator(pivot, none, none, none, 0u, vec2<u32>(0u));
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    var d = bitcast<vec4<f32>>(bits) - (*accumulator).pivot;
    var first = (*accumulator).first;
    var second = (*accumulator).second;
    if IS_WEIGHTED {
        let w = bitcast<vec4<f32>>(weight_bits);
        var weight = (*accumulator).weight;
        exact4_add(&weight, w);
        (*accumulator).weight = weight;
        exact4_add_products(&first, w, d);
        exact4_add_products(&second, w * d, d);
    } else {
        d = select(d, vec4<f32>(0.0), vec4<u32>(0u, 1u, 2u, 3u) >= vec4<u32>(present));
        (*accumulator).count += present;
        exact4_add(&first, d);
        exact4_add_products(&second, d, d);
    }
    (*accumulator).first = first;
    (*accumulator).second = second;
}

fn accumulator_is_unusual(accumulator: Accumulator) -> bool {
    return exact4_is_unusual(accumulator.second) || exact4_is_unusual(accumulator.first)
        || exact4_is_unusual(accumulator.weight);
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= vec2<u32>(of_product, of_weight);
}

fn partial_of(accumulator: Accumulator) -> Partial {
    var weight = exact_count(accumulator.count);
    if IS_WEIGHTED { weight = exact4_total(accumulator.weight); }
    return Partial(
        accumulator.pivot,
        weight,
        exact4_total(accumulator.first),
        exact4_total(accumulator.second),
        accumulator.met,
    );
}

fn partial_empty() -> Partial {
    let none = Exact(0.0, 0.0);
    return Partial(0.0, none, none, none, vec2<u32>(0u));
}

// Whether nothing but zeros was summed, so that the pivot may be any.
fn is_blank(partial: Partial) -> bool {
    return partial.weight.high == 0.0 && partial.first.high == 0.0 && partial.second.high == 0.0;
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    let met = a.met | b.met;
    if is_blank(b) { return Partial(a.pivot, a.weight, a.first, a.second, met); }
    if is_blank(a) { return Partial(b.pivot, b.weight, b.first, b.second, met); }
    // The sums of b around the pivot of a.
    let shift = two_sum(b.pivot, -a.pivot);
    let shifted = exact_product(shift, b.weight);
    let first = exact_sum(b.first, shifted);
    // second + 2 shift first + shift^2 weight
    let second = exact_sum(b.second, exact_product(shift, exact_sum(b.first, first)));
    return Partial(
        a.pivot,
        exact_sum(a.weight, b.weight),
        exact_sum(a.first, first),
        exact_sum(a.second, second),
        met,
    );
}

fn partial_words(partial: Partial) -> Words {
    return Words(
        vec4<u32>(bitcast<vec3<u32>>(vec3<f32>(partial.pivot, partial.weight.high, partial.weight.low)), partial.met.x | (partial.met.y << 8u)),
        bitcast<vec4<u32>>(vec4<f32>(partial.first.high, partial.first.low, partial.second.high, partial.second.low)),
    );
}

fn partial_from(words: Words) -> Partial {
    let head = bitcast<vec3<f32>>(words[0].xyz);
    let sums = bitcast<vec4<f32>>(words[1]);
    return Partial(
        head.x,
        Exact(head.y, head.z),
        Exact(sums.x, sums.y),
        Exact(sums.z, sums.w),
        vec2<u32>(words[0].w & 0xffu, words[0].w >> 8u),
    );
}

fn result_of(partial: Partial) -> Result {
    let weight = Sum(partial.weight, partial.met.y);
    let around = Sum(exact_sum(partial.first, exact_product(Exact(partial.pivot, 0.0), partial.weight)), partial.met.x);
    // Around the pivot no digit of the mean is lost; around 0 its special values are known.
    var mean = sum_quotient_bits(around, weight, MASKED);
    var variance = 0x7fc00000u;
    if (partial.met.x | partial.met.y) == 0u {
        if partial.weight.high != 0.0 {
            let distance = exact_quotient(partial.first, partial.weight);
            mean = bitcast<u32>(partial.pivot + distance);
            let divisor = exact_sum(partial.weight, Exact(-parameters.correction, 0.0));
            // sum w (x - m)^2 = second - first^2 / weight; the distance is off by less than its
            // last digit, and what that makes of the square is the square of that.
            let product = exact_product(Exact(distance, 0.0), exact_sum(
                exact_sum(partial.first, partial.first),
                exact_product(Exact(-distance, 0.0), partial.weight),
            ));
            let squares = exact_sum(partial.second, Exact(-product.high, -product.low));
            if divisor.high > 0.0 {
                let quotient = exact_quotient(squares, divisor);
                variance = bitcast<u32>(select(quotient, 0.0, squares.high == 0.0));
            }
        } else if MASKED && mean == 0u {
            variance = 0u;
        }
    }
    return Result(mean, variance, sum_bits(weight));
}
