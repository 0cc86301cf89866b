// What becomes of values and weights before a statistic sees them.

// Four values and their weights.
struct Terms {
    bits: vec4<u32>,
    weights: vec4<u32>,
}

// `present` of the four are there: the others count nothing. `result`: what each belongs to.
fn terms_of(bits: vec4<u32>, weights: vec4<u32>, present: u32, result: vec4<u32>) -> Terms {
    var terms = Terms(bits, weights);
    if HAS_TERM {
        terms.bits = term4(bits, weights, result);
        terms.weights = vec4<u32>(BITS_ONE);
    }
    if IS_CUT {
        let is_beyond = vec4<u32>(0u, 1u, 2u, 3u) >= vec4<u32>(present);
        terms.bits = select(terms.bits, vec4<u32>(NEUTRAL), is_beyond);
        terms.weights = select(terms.weights, vec4<u32>(0u), is_beyond);
    }
    if IS_WEIGHTED && MASKED {
        let is_out = (terms.weights & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u);
        terms.bits = select(terms.bits, vec4<u32>(NEUTRAL), is_out);
    }
    return terms;
}

// What is reduced in place of the values: the weights themselves, or each value's part of the gradient
// with respect to its weight.
fn term4(bits: vec4<u32>, weights: vec4<u32>, result: vec4<u32>) -> vec4<u32> {
    if !IS_WEIGHT_GRADIENT { return weights; }
    return vec4<u32>(
        weight_gradient_of(bits.x, weights.x, result.x),
        weight_gradient_of(bits.y, weights.y, result.y),
        weight_gradient_of(bits.z, weights.z, result.z),
        weight_gradient_of(bits.w, weights.w, result.w),
    );
}

// Notes infinities and NaN, and takes them out, as well as what must be added up apart.
fn terms_cleared(accumulator: ptr<function, Accumulator>, terms: Terms) -> Terms {
    var cleared = terms;
    for (var k = 0u; k < 4u; k++) {
        let bits = terms.bits[k];
        var weight = BITS_ONE;
        if IS_WEIGHTED { weight = terms.weights[k]; }
        let is_out = LEAVES_OUT && (weight & 0x7fffffffu) == 0u;
        // Beyond the end there is no value, which only the weights tell.
        let is_beyond = IS_CUT && !IS_WEIGHTED && terms.weights[k] == 0u;
        let of_weight = met_by(weight);
        let of_product = select(met_by_term(bits, weight), 0u, is_out);
        if (of_product | of_weight) != 0u {
            accumulator_meet(accumulator, of_product, of_weight);
            cleared.bits[k] = NEUTRAL;
            cleared.weights[k] = select(0u, weight, of_weight == 0u);
        } else if !is_out && !is_beyond && term_is_far(*accumulator, bitcast<f32>(bits), bitcast<f32>(weight)) {
            cleared.bits[k] = accumulate_far(accumulator, bitcast<f32>(bits), bitcast<f32>(weight));
            cleared.weights[k] = 0u;
        }
    }
    return cleared;
}

// What a term w x, or w x^2 or w exp(x), is: 0 where it is finite.
fn met_by_term(bits: u32, weight_bits: u32) -> u32 {
    if IS_OF_EXPONENTIALS { return met_by_exponential(bits, weight_bits); }
    let of_x = met_by(bits);
    let of_w = met_by(weight_bits);
    if (of_x | of_w) == 0u { return 0u; }
    let is_zero = (bits & 0x7fffffffu) == 0u || (weight_bits & 0x7fffffffu) == 0u;
    if ((of_x | of_w) & MET_NAN) != 0u || is_zero { return MET_NAN; }
    let sign = select(bits ^ weight_bits, weight_bits, IS_SQUARED);
    return select(MET_POSITIVE, MET_NEGATIVE, (sign & 0x80000000u) != 0u);
}

fn met_by_exponential(bits: u32, weight_bits: u32) -> u32 {
    let of_x = met_by(bits);
    let of_w = met_by(weight_bits);
    if of_x == MET_NAN || of_w == MET_NAN { return MET_NAN; }
    if of_x == MET_NEGATIVE { return select(0u, MET_NAN, of_w != 0u); }
    if of_x == MET_POSITIVE || of_w != 0u {
        return select(MET_POSITIVE, MET_NEGATIVE, (weight_bits & 0x80000000u) != 0u);
    }
    return 0u;
}
