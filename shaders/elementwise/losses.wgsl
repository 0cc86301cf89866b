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

// What the derivatives of four elements are multiplied by, besides their weights.
fn factors4(upstream: vec4<u32>, results: vec4<u32>) -> vec4<u32> {
    var factors = multiply4(upstream, vec4<u32>(bitcast<u32>(parameters.upstream)));
    if IS_DIVIDED {
        for (var k = 0u; k < 4u; k++) { factors[k] = divided_factor(factors[k], results[k], k); }
    }
    return factors;
}

fn gradients4(derivatives: vec4<u32>, weights: vec4<u32>, factors: vec4<u32>) -> vec4<u32> {
    var gradients = derivatives;
    if HAS_WEIGHTS { gradients = multiply4(scaled_weights(weights), gradients); }
    gradients = multiply4(gradients, factors);
    if HAS_WEIGHTS && MASKED {
        gradients = select(gradients, vec4<u32>(0u), (weights & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u));
    }
    return gradients;
}
