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
    far_weight: Wide, // of terms that may not join the others
    far_first: Wide,
    far_second: Wide,
    count: u32, // of values; with weights: 1 where the pivot is that of one that has some
    met: vec2<u32>, // of the products and of the weights
}

struct Partial {
    pivot: f32,
    weight: Wide,
    first: Wide,
    second: Wide,
    met: vec2<u32>,
}

// A mean of the finite ones among four values, by the magnitude of their weights.
fn pivot_of(bits: vec4<u32>, weights: vec4<u32>, present: u32) -> f32 {
    var sum = 0.0;
    var total = 0.0;
    var lowest = 0.0;
    var highest = 0.0;
    for (var k = 0u; k < min(present, 4u); k++) {
        var weight = BITS_ONE;
        if IS_WEIGHTED { weight = weights[k] & 0x7fffffffu; }
        if met_by(bits[k]) == 0u && met_by(weight) == 0u {
            // So that neither overflows.
            let share = min(bitcast<f32>(weight), 1e18);
            let x = bitcast<f32>(bits[k]);
            lowest = select(min(lowest, x), x, total == 0.0);
            highest = select(max(highest, x), x, total == 0.0);
            sum = fma(share, 0.25 * x * 1e-19, sum);
            total += share * 0.25e-19;
        }
    }
    let pivot = sum / total;
    let is_one = total > 0.0 && met_by(bitcast<u32>(pivot)) == 0u;
    // Not beside them where they are all the same: nothing of the distances is left then.
    return select(0.0, min(max(pivot, lowest), highest), is_one);
}

fn accumulator_new(pivot: f32) -> Accumulator {
    let none = Exact4(vec4<f32>(0.0), vec4<f32>(0.0));
    return Accumulator(pivot, none, none, none, WIDE_ZERO, WIDE_ZERO, WIDE_ZERO, 0u, vec2<u32>(0u));
}

// The value of the greatest weight: no square of a distance from it is far beyond those that there are.
fn heaviest(bits: vec4<u32>, weights: vec4<u32>) -> f32 {
    var value = bits.x;
    var weight = weights.x;
    for (var k = 1u; k < 4u; k++) {
        value = select(value, bits[k], weights[k] > weight);
        weight = max(weight, weights[k]);
    }
    return bitcast<f32>(value);
}

// Values are taken as they come.
fn look_ahead(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>) {
}

fn take_ahead(accumulator: ptr<function, Accumulator>) {
}

fn accumulate(accumulator: ptr<function, Accumulator>, bits: vec4<u32>, weight_bits: vec4<u32>, present: u32) {
    if IS_WEIGHTED && (*accumulator).count == 0u && any((weight_bits & vec4<u32>(0x7fffffffu)) != vec4<u32>(0u)) {
        // Before, nothing had a weight, and nothing was added.
        (*accumulator).pivot = heaviest(bits, weight_bits & vec4<u32>(0x7fffffffu));
        (*accumulator).count = 1u;
    }
    var d = opaque4(bitcast<vec4<f32>>(bits) - (*accumulator).pivot);
    var first = (*accumulator).first;
    var second = (*accumulator).second;
    if IS_WEIGHTED {
        let w = bitcast<vec4<f32>>(weight_bits);
        var weight = (*accumulator).weight;
        exact4_add(&weight, w);
        (*accumulator).weight = weight;
        // The values that the pivot is a mean of may weigh next to nothing, and the others be far from them:
        // then all but the last digits cancel, so that nothing may be lost on the way.
        let of_pivot = opaque4(d - bitcast<vec4<f32>>(bits));
        let rest = (bitcast<vec4<f32>>(bits) - (d - of_pivot)) - ((*accumulator).pivot + of_pivot);
        var moments = exact4_product(w, d);
        moments.low += w * rest;
        exact4_add_whole(&first, moments);
        var squares = exact4_product(moments.high, d);
        squares.low += moments.low * d + moments.high * rest;
        exact4_add_whole(&second, squares);
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
        || exact4_is_unusual(accumulator.weight)
        || (IS_WEIGHTED && exact4_is_lost(accumulator.second, accumulator.weight));
}

fn accumulator_meet(accumulator: ptr<function, Accumulator>, of_product: u32, of_weight: u32) {
    (*accumulator).met |= vec2<u32>(of_product, of_weight);
}

fn term_is_far(accumulator: Accumulator, x: f32, w: f32) -> bool {
    let d = x - accumulator.pivot;
    if !IS_WEIGHTED { return is_large(d * d); }
    let square = w * d * d;
    return is_large(w) || is_large(w * d) || is_large(square) || (is_small(square) && w != 0.0 && d != 0.0);
}

// Without a weight the value is replaced by one that adds nothing, and counted with the others.
fn accumulate_far(accumulator: ptr<function, Accumulator>, x: f32, w: f32) -> u32 {
    let d = wide_sum(wide_of(x), wide_of(-(*accumulator).pivot));
    var first = d;
    if IS_WEIGHTED {
        first = wide_product(wide_of(w), d);
        (*accumulator).far_weight = wide_sum((*accumulator).far_weight, wide_of(w));
        (*accumulator).count = 1u;
    }
    (*accumulator).far_first = wide_sum((*accumulator).far_first, first);
    (*accumulator).far_second = wide_sum((*accumulator).far_second, wide_product(first, d));
    return bitcast<u32>((*accumulator).pivot);
}

fn partial_of(accumulator: Accumulator) -> Partial {
    var weight = Wide(exact_count(accumulator.count), 0);
    if IS_WEIGHTED { weight = wide_sum(wide_total(accumulator.weight), accumulator.far_weight); }
    return Partial(
        accumulator.pivot,
        weight,
        wide_sum(wide_total(accumulator.first), accumulator.far_first),
        wide_sum(wide_total(accumulator.second), accumulator.far_second),
        accumulator.met,
    );
}

fn partial_empty() -> Partial {
    return Partial(0.0, WIDE_ZERO, WIDE_ZERO, WIDE_ZERO, vec2<u32>(0u));
}

// Whether nothing but zeros was summed, so that the pivot may be any.
fn is_blank(partial: Partial) -> bool {
    return partial.weight.value.high == 0.0 && partial.first.value.high == 0.0 && partial.second.value.high == 0.0;
}

fn partial_merge(a: Partial, b: Partial) -> Partial {
    let met = a.met | b.met;
    if is_blank(b) { return Partial(a.pivot, a.weight, a.first, a.second, met); }
    if is_blank(a) { return Partial(b.pivot, b.weight, b.first, b.second, met); }
    // The sums of b around the pivot of a.
    let shift = wide_sum(wide_of(b.pivot), wide_of(-a.pivot));
    let first = wide_sum(b.first, wide_product(shift, b.weight));
    // second + 2 shift first + shift^2 weight
    let second = wide_sum(b.second, wide_product(shift, wide_sum(b.first, first)));
    return Partial(
        a.pivot,
        wide_sum(a.weight, b.weight),
        wide_sum(a.first, first),
        wide_sum(a.second, second),
        met,
    );
}

fn partial_words(partial: Partial) -> Words {
    let weight = partial.weight.value;
    let first = partial.first.value;
    let second = partial.second.value;
    // Exponents are multiples of 4.
    let exponents = vec3<i32>(partial.weight.exponent, partial.first.exponent, partial.second.exponent);
    let bytes = bitcast<vec3<u32>>(exponents / 4) & vec3<u32>(0xffu);
    let rest = partial.met.x | (partial.met.y << 3u) | (bytes.x << 8u) | (bytes.y << 16u) | (bytes.z << 24u);
    return Words(
        vec4<u32>(bitcast<vec3<u32>>(vec3<f32>(partial.pivot, weight.high, weight.low)), rest),
        bitcast<vec4<u32>>(vec4<f32>(first.high, first.low, second.high, second.low)),
    );
}

fn partial_from(words: Words) -> Partial {
    let head = bitcast<vec3<f32>>(words[0].xyz);
    let sums = bitcast<vec4<f32>>(words[1]);
    let rest = words[0].w;
    let exponents = ((vec3<i32>(bitcast<i32>(rest)) << vec3<u32>(16u, 8u, 0u)) >> vec3<u32>(24u)) * 4;
    return Partial(
        head.x,
        Wide(Exact(head.y, head.z), exponents.x),
        Wide(Exact(sums.x, sums.y), exponents.y),
        Wide(Exact(sums.z, sums.w), exponents.z),
        vec2<u32>(rest & 7u, (rest >> 3u) & 7u),
    );
}

fn result_of(partial: Partial) -> Result {
    let weight = Sum(partial.weight, partial.met.y);
    let around = Sum(wide_sum(partial.first, wide_product(wide_of(partial.pivot), partial.weight)), partial.met.x);
    // Around the pivot no digit of the mean is lost; around 0 its special values are known.
    var mean = sum_quotient_bits(around, weight, MASKED);
    var variance = 0x7fc00000u;
    if (partial.met.x | partial.met.y) == 0u {
        if partial.weight.value.high != 0.0 {
            let distance = wide_quotient(partial.first, partial.weight);
            mean = wide_bits(wide_sum(wide_of(partial.pivot), distance));
            let divisor = wide_sum(partial.weight, wide_of(-parameters.correction));
            // sum w (x - m)^2 = second - first^2 / weight; the distance is off by less than its
            // last digit, and what that makes of the square is the square of that.
            let product = wide_product(distance, wide_sum(
                wide_sum(partial.first, partial.first),
                wide_product(wide_negative(distance), partial.weight),
            ));
            let squares = wide_sum(partial.second, wide_negative(product));
            if divisor.value.high > 0.0 {
                let quotient = wide_bits(wide_quotient(squares, divisor));
                variance = select(quotient, 0u, squares.value.high == 0.0);
            }
        } else if MASKED && mean == 0u {
            variance = 0u;
        }
    }
    return Result(mean, variance, sum_bits(weight));
}
