//! Of element-wise losses.

use super::Mutant;

pub const MUTANTS: &[Mutant] = &[
    Mutant::new(
        "softplus-of-rounded-sum",
        "softplus far below 0 does not round 1 + exp(x)",
        "functions.wgsl",
        "+ log1p_nonnegative(e))",
        "+ log_positive(1.0 + e, max(1.0 + e, 0.25) - 1.0))",
    )
    .hint(&["BinaryCrossEntropyWithLogits", "12 x 10 f32 Wide"]).cheap(),
    Mutant::new(
        "sigmoid-by-subtraction",
        "what a probability lacks of 1 is no difference",
        "functions.wgsl",
        "let small = e * large;",
        "let small = 1.0 - large;",
    )
    .hint(&["BinaryCrossEntropyWithLogits", "12 x 10 f32 Wide"]),
    Mutant::new(
        "power-by-logarithm",
        "a power takes the exponent of its base apart",
        "functions.wgsl",
        "let whole = round(product);",
        "let whole = 0.0;",
    )
    .hint(&["gamma: 0.75", "200 x 10 f32 Wide"]).cheap(),
    Mutant::new(
        "zero-times-logarithm-of-zero",
        "0 log 0 is 0 in the divergence of log-probabilities",
        "functions.wgsl",
        "select(x * log_of(y), 0.0, x == 0.0)",
        "x * log_of(y)",
    )
    .hint(&["KlDivergence { log_target: false }", "18 x 33"]),
    Mutant::new(
        "entropy-of-zero",
        "0 log 0 is 0 in the entropy",
        "loss/entropies.wgsl",
        "select(-(x * log_x), 0.0, x == 0.0)",
        "-(x * log_x)",
    )
    .hint(&["Entropy reduced", "12 x 10 f32 FinitelyMasked"]).cheap(),
    Mutant::new(
        "binary-logarithm-unbounded",
        "the logarithm of a probability of 0 is -100",
        "loss/binary.wgsl",
        "-100.0, x == 0.0)",
        "-infinity(), x == 0.0)",
    )
    .hint(&["BinaryCrossEntropy reduced", "12 x 10 f32 FinitelyMasked"]).cheap(),
    Mutant::new(
        "binary-gradient-unbounded",
        "the gradient at probabilities of 0 and 1 is bounded",
        "loss/binary.wgsl",
        "max(x * (1.0 - x), 1e-12)",
        "(x * (1.0 - x))",
    )
    .hint(&["BinaryCrossEntropy reduced", "12 x 10 f32 FinitelyMasked"]).cheap(),
    Mutant::new(
        "variance-not-bounded",
        "a variance is at least epsilon",
        "loss/likelihoods.wgsl",
        "max(third, parameters.loss.x)",
        "third",
    )
    .hint(&["epsilon: 0.25", "GaussianNll", "18 x 33"]),
    Mutant::new(
        "stirling-of-one",
        "Stirling's term is left out of counts up to 1",
        "loss/likelihoods.wgsl",
        "t <= 1.0 {",
        "t < 1.0 {",
    )
    .hint(&["PoissonNll", "full: true", "18 x 33"]),
    Mutant::new(
        "positive-weights-dropped",
        "positives have their weight",
        "loss/binary.wgsl",
        "let positive = third * t;",
        "let positive = t;",
    )
    .hint(&["BinaryCrossEntropyWithLogits", "12 x 10 f32 Normal"]).cheap(),
    Mutant::new(
        "ratio-near-one",
        "the logarithm of a ratio near 1 takes the exact difference",
        "loss/entropies.wgsl",
        "select(ratio - 1.0, (t - x) / x, abs(ratio - 1.0) < 0.4)",
        "ratio - 1.0",
    )
    .hint(&["KlDivergenceOfProbabilities", "12 x 10 f32 FinitelyMasked"]).cheap(),
    Mutant::new(
        "divergence-of-zero",
        "a target of 0 has no divergence, whatever the probability",
        "loss/entropies.wgsl",
        "if t == 0.0 { return Loss(0.0, 0.0, 0.0); }\n    if x == 0.0 {\n",
        "if x == 0.0 {\n",
    )
    .hint(&["KlDivergenceOfProbabilities", "12 x 10 f32 FinitelyMasked"]),
    Mutant::new(
        "huber-without-corner",
        "Huber's loss turns from quadratic to linear",
        "loss/errors.wgsl",
        "distance <= delta",
        "true",
    )
    .hint(&["Huber", "18 x 33"]),
    Mutant::new(
        "focal-at-certainty",
        "the focal loss's slope at targets of 0 and 1 is the probability, not its quotient",
        "loss/sigmoid_focal.wgsl",
        "if t == 1.0 { change = -p.x; }\n    if t == 0.0 { change = p.y; }",
        "",
    )
    .hint(&["gamma: 0.5", "12 x 10 f32 Wide"]),
    Mutant::new(
        "nan-taken-for-positive",
        "an input that is NaN is above no threshold",
        "special.wgsl",
        "if is_nan_bits(a) || is_nan_bits(b) { return false; }",
        "",
    )
    .hint(&["threshold", "9 x 7 f32 NotANumber"]),
    Mutant::new(
        "weight-zero-counted",
        "elements of weight 0 are not counted",
        "elementwise/counts.wgsl",
        "is_zero_bits(weights[k])",
        "false",
    )
    .hint(&["threshold", "9 x 7 f32 NotANumber"]),
    Mutant::new(
        "special-zero-times-infinity",
        "0 times an infinite operand is NaN",
        "special.wgsl",
        " || is_zero_bits(a) || is_zero_bits(b) { return BITS_NAN; }",
        " { return BITS_NAN; }",
    )
    .hint(&["9 x 7"]),
    Mutant::new(
        "special-operands-unseen",
        "operands that are not finite go by their bits",
        "elementwise/losses.wgsl",
        "if are_special {",
        "if false {",
    )
    .hint(&["9 x 7", "Infinite"]),
    Mutant::new(
        "elementwise-mean-of-nothing",
        "the gradient of a mean over nothing is NaN",
        "elementwise/losses.wgsl",
        "select(quotient, BITS_NAN, is_zero_bits(denominator))",
        "quotient",
    )
    .hint(&["WeightedMean", "2 x 5 f32 Normal", "Cancelling"]).cheap(),
    Mutant::new(
        "masked-gradient-not-left-out",
        "masked, the gradient of an element of weight 0 is 0, whatever it holds",
        "elementwise/losses.wgsl",
        "gradients = select(gradients, vec4<u32>(0u), (weights & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u));",
        "",
    )
    .hint(&["Masked", "9 x 7"]),
    Mutant::new(
        "masked-loss-not-left-out",
        "masked, the loss of an element of weight 0 is 0, whatever it holds",
        "elementwise/write.wgsl",
        "if !MASKED { return weighted; }",
        "if true { return weighted; }",
    )
    .hint(&["BinaryCrossEntropyWithLogits", "Masked", "9 x 7 f32 Infinite"]).cheap(),
    Mutant::new(
        "masked-part-of-probability",
        "masked, a probability of 0 has no part of an infinite value",
        "elementwise/losses.wgsl",
        "if MASKED && is_zero_bits(probability) { return 0u; }",
        "",
    )
    .hint(&["BinaryCrossEntropyWithLogits", "Masked", "9 x 7 f32 Infinite"]).cheap(),
    Mutant::new(
        "elementwise-upstream-dropped",
        "an element's upstream gradient is multiplied by that of all",
        "elementwise/losses.wgsl",
        "multiply4(upstream, vec4<u32>(bitcast<u32>(parameters.upstream)))",
        "upstream",
    )
    .hint(&["BinaryCrossEntropyWithLogits", "12 x 10 f32 Wide"]),
    Mutant::new(
        "target-not-smoothed",
        "targets are smoothed",
        "elementwise/losses.wgsl",
        "if !IS_SMOOTHED { return t; }",
        "if true { return t; }",
    ),
    Mutant::new(
        "gradient-without-weight",
        "gradients of elements are multiplied by their weights",
        "elementwise/losses.wgsl",
        "if HAS_WEIGHTS { gradients = multiply4(scaled_weights(weights, factors.of_weights), gradients); }",
        "",
    ),
];
