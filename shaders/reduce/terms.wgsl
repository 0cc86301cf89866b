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
