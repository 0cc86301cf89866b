// Element-wise losses. Each file of shaders/loss/ defines, for `losses4` to call,
//   loss_of          the loss of an input, a target and a third number (the weight of positives, or
//                    the variance): its value, its derivative in the input, and that in the variance
//   special_loss_of  the same by bits, where one of the three is infinite or NaN
struct Loss {
    value: f32,
    derivative: f32,
    of_third: f32,
}

struct SpecialLoss {
    value: u32,
    derivative: u32,
    of_third: u32,
}

// A probability times what it is the probability of.
fn part_bits(probability: u32, value: u32) -> u32 {
    if MASKED && is_zero_bits(probability) { return 0u; }
    return multiply_bits(probability, value);
}

// The losses of four elements, and their derivatives times what they are multiplied by.
struct Losses {
    values: vec4<u32>,
    derivatives: vec4<u32>,
    of_third: vec4<u32>,
}

fn are_finite(a: vec4<u32>, b: vec4<u32>) -> bool {
    return all((a & vec4<u32>(0x7fffffffu)) < vec4<u32>(BITS_INFINITY)) && all((b & vec4<u32>(0x7fffffffu)) < vec4<u32>(BITS_INFINITY));
}

fn multiply4(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    if are_finite(a, b) { return bitcast<vec4<u32>>(bitcast<vec4<f32>>(a) * bitcast<vec4<f32>>(b)); }
    return vec4<u32>(multiply_bits(a.x, b.x), multiply_bits(a.y, b.y), multiply_bits(a.z, b.z), multiply_bits(a.w, b.w));
}

fn smoothed(t: u32) -> u32 {
    if !IS_SMOOTHED { return t; }
    return add_bits(multiply_bits(t, bitcast<u32>(parameters.target_scale)), bitcast<u32>(parameters.target_shift));
}

fn losses4(x: vec4<u32>, t: vec4<u32>, third: vec4<u32>) -> Losses {
    var losses: Losses;
    var are_special = false;
    for (var k = 0u; k < 4u; k++) {
        let loss = loss_of(bitcast<f32>(x[k]), bitcast<f32>(smoothed(t[k])), bitcast<f32>(third[k]));
        losses.values[k] = bitcast<u32>(loss.value);
        losses.derivatives[k] = bitcast<u32>(loss.derivative);
        losses.of_third[k] = bitcast<u32>(loss.of_third);
        are_special = are_special || !(is_finite_bits(x[k]) && is_finite_bits(t[k]) && is_finite_bits(third[k]));
    }
    if are_special {
        for (var k = 0u; k < 4u; k++) {
            if is_finite_bits(x[k]) && is_finite_bits(t[k]) && is_finite_bits(third[k]) { continue; }
            let special = special_loss_of(x[k], smoothed(t[k]), third[k]);
            losses.values[k] = special.value;
            losses.derivatives[k] = special.derivative;
            losses.of_third[k] = special.of_third;
        }
    }
    return losses;
}

// What the derivatives of four elements are multiplied by, besides their weights; and what the weights
// are multiplied by: 1, but 2^-64 where only that part of a denominator is finite.
struct Factors {
    of_derivatives: vec4<u32>,
    of_weights: vec4<f32>,
}

const LARGE_DENOMINATOR: u32 = 0x6c800000u; // 2^90

// What each mean is divided by is one of the forward's results, with its 2^-64th part behind it.
fn factors4(upstream: vec4<u32>, results: vec4<u32>) -> Factors {
    var factors = Factors(multiply4(upstream, vec4<u32>(bitcast<u32>(parameters.upstream))), vec4<f32>(1.0));
    if !IS_DIVIDED { return factors; }
    for (var k = 0u; k < 4u; k++) {
        let denominator = forward_results_at(parameters.result_offset + results[k]);
        var divisor = denominator;
        if (denominator & 0x7fffffffu) >= LARGE_DENOMINATOR {
            let part = forward_results_at(parameters.result_offset + results[k] + 1u);
            if is_finite_bits(part) {
                divisor = part;
                factors.of_weights[k] = 0x1p-64f;
            }
        }
        let quotient = divide_bits(factors.of_derivatives[k], divisor);
        factors.of_derivatives[k] = select(quotient, BITS_NAN, is_zero_bits(denominator));
    }
    return factors;
}

fn scaled_weights(weights: vec4<u32>, scales: vec4<f32>) -> vec4<u32> {
    if !IS_DIVIDED || all(scales == vec4<f32>(1.0)) { return weights; }
    return multiply4(weights, bitcast<vec4<u32>>(scales));
}

fn gradients4(derivatives: vec4<u32>, weights: vec4<u32>, factors: Factors) -> vec4<u32> {
    var gradients = derivatives;
    if HAS_WEIGHTS { gradients = multiply4(scaled_weights(weights, factors.of_weights), gradients); }
    gradients = multiply4(gradients, factors.of_derivatives);
    if HAS_WEIGHTS && MASKED {
        gradients = select(gradients, vec4<u32>(0u), (weights & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u));
    }
    return gradients;
}
