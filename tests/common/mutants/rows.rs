//! Of log-sum-exp, softmax and cross-entropy.

use super::{Mutant, On};

pub const MUTANTS: &[Mutant] = &[
    // The state of a row.
    Mutant::new(
        "maximum-not-excluded",
        "the maximum's own exponential, which is 1, stays out of the sum of the others",
        "block.wgsl",
        "select(e, vec4<f32>(0.0), e == vec4<f32>(1.0))",
        "e",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Wide"]).cheap(),
    Mutant::new(
        "log1p-of-rounded-sum",
        "log1p(r) takes r itself, not 1 + r less 1",
        "numeric.wgsl",
        "log_positive(1.0 + r, r)",
        "log_positive(1.0 + r, max(1.0 + r, 0.25) - 1.0)",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Lead(17)"]).cheap(),
    Mutant::new(
        "log-without-low-digits",
        "log adds the low digits of ln 2",
        "numeric.wgsl",
        "k * 9.0580006145e-6",
        "0.0",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Normal"]).cheap(),
    Mutant::new(
        "exp-beyond-range",
        "exp is exactly 0 far below the maximum and at -inf",
        "numeric.wgsl",
        "select(scaled, vec4<f32>(0.0), d < vec4<f32>(-87.0))",
        "scaled",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Masked,"]).cheap(),
    Mutant::new(
        "exp-of-rounded-difference",
        "exp_difference takes the difference of two numbers without its rounding",
        "numeric.wgsl",
        "return exp_nonpositive(low_coarse - high_coarse) * fma(",
        "return exp_nonpositive(low - high) + 0.0 * fma(",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 FineLead"]).cheap(),
    Mutant::new(
        "lead-not-refined",
        "a lane whose other logits lie far below its maximum sums them again from exact differences",
        "block.wgsl",
        "r < 1e-9",
        "r < 0.0",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 FineLead"]).cheap(),
    Mutant::new(
        "block-not-rescaled",
        "what was summed before is rescaled to the maximum of the next block",
        "block.wgsl",
        "fma(state.y, rescale, sum_below)",
        "(state.y + sum_below)",
    )
    .hint(&["cross-entropy", "x 50257", "Lead"]).cheap(),
    Mutant::new(
        "earlier-maximum-rounded-away",
        "the maximum of earlier blocks joins the sum after the 1 has left it",
        "block.wgsl",
        "((at_maximum - 1.0) + rescale)",
        "(max(at_maximum + rescale, 0.25) - 1.0)",
    )
    .hint(&["cross-entropy", "x 50257", "Lead"]).cheap(),
    Mutant::new(
        "merge-not-rescaled",
        "states that meet are rescaled to the greater maximum",
        "state.wgsl",
        "fma(1.0 + low.y, exp_apart(low.x, high.x), high.y)",
        "(1.0 + low.y + high.y)",
    )
    .hint(&["cross-entropy", "3 x 64 bf16 Normal"]),
    Mutant::new(
        "merge-forgets-special",
        "states that meet keep NaN and +inf",
        "state.wgsl",
        "select(merged, special, special < -1.5)",
        "merged",
    )
    .hint(&["11 x 33 f32 NotANumber", "SomeZero class weights"]),
    Mutant::new(
        "block-forgets-special",
        "a block keeps NaN and +inf",
        "block.wgsl",
        "select(r, special, special < -1.5)",
        "r",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "infinity-unseen",
        "+inf among the logits is seen",
        "block.wgsl",
        "select(0.0, R_INFINITE, signed == i32(BITS_INFINITY))",
        "0.0",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Infinite"]),
    Mutant::new(
        "nan-unseen",
        "NaN wins against +inf",
        "block.wgsl",
        "signed > i32(BITS_INFINITY) || unsigned > BITS_NEGATIVE_INFINITY",
        "false",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "negative-nan-unseen",
        "NaN with the sign set is seen",
        "block.wgsl",
        " || unsigned > BITS_NEGATIVE_INFINITY",
        "",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "empty-row-not-infinite",
        "the log-sum-exp of nothing but -inf is -inf",
        "state.wgsl",
        "if state.y < -0.5 { return BITS_NEGATIVE_INFINITY; }",
        "",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 AllMasked"]),
    Mutant::new(
        "infinite-row-not-infinite",
        "the log-sum-exp of a row with +inf is +inf",
        "state.wgsl",
        "if state.y < -1.5 { return BITS_INFINITY; }",
        "",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Infinite"]),
    // Transformations of the logits.
    Mutant::new(
        "tanh-by-cancellation",
        "tanh near 0 is a polynomial, not 1 - e",
        "numeric.wgsl",
        "select(large, small, magnitude < vec4<f32>(0.6))",
        "large",
    )
    .hint(&["softcap 30", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "saturated-slope-by-cancellation",
        "1 - tanh^2 does not cancel where tanh is close to 1",
        "numeric.wgsl",
        "return 4.0 * e / (sum * sum);",
        "let t = (1.0 - e) / sum;\n    return 1.0 - t * t;",
    )
    .hint(&["softcap 5", "11 x 5 f32 Wide"]),
    Mutant::new(
        "softcap-of-infinity",
        "the softcap of an infinite logit is the cap",
        "transform.wgsl",
        "select(limit, special, is_nan)",
        "special",
    )
    .hint(&["softcap 5", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "softcap-slope-at-infinity",
        "the softcap's slope at an infinite logit is 0",
        "transform.wgsl",
        "select(factor, vec4<f32>(0.0), is_special)",
        "factor",
    )
    .hint(&["softcap 5", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "scale-sign-of-infinity",
        "a negative scale turns infinities round",
        "transform.wgsl",
        "scaled = bits ^ vec4<u32>(0x80000000u);",
        "",
    )
    .hint(&["scale -2", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "scale-zero-times-infinity",
        "0 times an infinite logit is NaN",
        "transform.wgsl",
        "is_nan | vec4<bool>(parameters.logit_scale == 0.0)",
        "is_nan",
    )
    .hint(&["scale 0", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "order-of-negative-scale",
        "a negative scale turns the order of the logits round",
        "transform.wgsl",
        "ranked = bits ^ vec4<u32>(0x80000000u);",
        "",
    )
    .hint(&["scale -2", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "transformed-beyond-end",
        "what lies beyond a row's end stays -inf, whatever its softcap",
        "transform.wgsl",
        "select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), columns >= vec4<u32>(end))",
        "bits",
    )
    .hint(&["softcap 5", "11 x 5 f32 MaskedTarget"]),
    // The order of the logits.
    Mutant::new(
        "last-of-ties",
        "the first of several greatest logits is the argmax",
        "order.wgsl",
        "b.column < a.column",
        "b.column > a.column",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Ties"]),
    Mutant::new(
        "rank-without-ties",
        "a class of the target's logit comes before it where it has a lower number",
        "order.wgsl",
        " | ((order == vec4<u32>(target_order)) & is_below)",
        "",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Ties"]),
    Mutant::new(
        "nan-not-first",
        "NaN comes before every number in the order of the logits",
        "order.wgsl",
        "select(order, vec4<u32>(0u), magnitude > vec4<u32>(BITS_INFINITY))",
        "order",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "zeros-of-two-signs",
        "0 and -0 are alike in the order of the logits",
        "order.wgsl",
        "let rising = vec4<u32>(0x7fffffffu)",
        "let rising = vec4<u32>(0x80000000u)",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Ties"]),
    // The loss.
    Mutant::new(
        "loss-by-cancellation",
        "the loss is the sum of two distances, not log-sum-exp less the logit",
        "cross_entropy/results.wgsl",
        "all.weight * log1p_nonnegative(all.state.y)",
        "all.weight * (max(all.state.x + log1p_nonnegative(all.state.y), LOWEST) - all.state.x)",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Offset(16777216)"]).cheap(),
    Mutant::new(
        "log-probability-by-cancellation",
        "a log-probability is the sum of two distances, not the logit less log-sum-exp",
        "cross_entropy/results.wgsl",
        "(bitcast<f32>(row.target_bits) - all.state.x) - log1p_nonnegative(all.state.y)",
        "bitcast<f32>(row.target_bits) - (all.state.x + log1p_nonnegative(all.state.y))",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Offset(16777216)"]),
    Mutant::new(
        "masked-target-finite",
        "a target of -inf has an infinite loss",
        "cross_entropy/results.wgsl",
        "all.flags |= infinite_flag(coefficient);",
        "",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "opposite-infinities",
        "an infinite term less another is NaN",
        "cross_entropy/results.wgsl",
        "row.weight == 0.0 || (infinite != FLAG_POSITIVE && infinite != FLAG_NEGATIVE)",
        "row.weight == 0.0",
    )
    .hint(&["Signed f32 probabilities", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "sign-of-infinite-loss",
        "a negative weight turns an infinite loss round",
        "cross_entropy/results.wgsl",
        "(infinite == FLAG_POSITIVE) == (row.weight > 0.0)",
        "infinite == FLAG_POSITIVE",
    )
    .hint(&["Signed row weights", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "weight-zero-times-infinity",
        "a weight of 0 times an infinite loss is NaN",
        "cross_entropy/results.wgsl",
        "row.weight == 0.0 || (infinite",
        "false || (infinite",
    )
    .hint(&["SomeZero row weights", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "masked-row-not-left-out",
        "masked, a row of weight 0 has no loss, whatever it holds",
        "cross_entropy/results.wgsl",
        "if MASKED && (row.weight == 0.0 || (all.flags & FLAG_CONTRIBUTES) == 0u) { return 0u; }",
        "",
    )
    .hint(&["SomeZero row weights", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "masked-row-without-terms",
        "masked, a row without coefficients has no loss, whatever it holds",
        "cross_entropy/results.wgsl",
        "row.weight == 0.0 || (all.flags & FLAG_CONTRIBUTES) == 0u",
        "row.weight == 0.0",
    )
    .hint(&["11 x 33 f32 NotANumber", "SomeZero class weights"]).cheap(),
    Mutant::new(
        "ignored-row-with-loss",
        "an ignored row has no loss, even if it holds NaN",
        "cross_entropy/results.wgsl",
        "fn main_loss(row: Row, all: Summary) -> u32 {\n    if !row.is_counted { return 0u; }",
        "fn main_loss(row: Row, all: Summary) -> u32 {",
    )
    .hint(&["ignored", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "ignored-row-with-z-loss",
        "an ignored row has no z-loss",
        "cross_entropy/results.wgsl",
        "if !Z_LOSS || !row.is_counted { return 0u; }",
        "if !Z_LOSS { return 0u; }",
    )
    .hint(&["z 0.001", "11 x 5 f32 Offset(10000)"]),
    Mutant::new(
        "masked-zero-times-infinity",
        "masked, 0 times -inf is 0",
        "state.wgsl",
        "select(FLAG_UNDEFINED, 0u, MASKED)",
        "FLAG_UNDEFINED",
    )
    .hint(&["Masked", "11 x 5 f32 MaskedTarget", "Sparse"]).cheap(),
    Mutant::new(
        "strict-zero-times-infinity",
        "strictly, 0 times -inf is NaN",
        "state.wgsl",
        "select(FLAG_UNDEFINED, 0u, MASKED)",
        "0u",
    )
    .hint(&["Strict", "11 x 5 f32 MaskedTarget", "Sparse"]).cheap(),
    Mutant::new(
        "infinite-term-summed",
        "a term of -inf is told by a flag and stays out of the sum",
        "terms/all.wgsl",
        "select(u * (reference - x), vec4<f32>(0.0), is_infinite)",
        "u * (reference - x)",
    ),
    Mutant::new(
        "terms-not-moved",
        "sums of distances move with the maximum they are relative to",
        "terms/moved.wgsl",
        "exact_product(terms.weight, Exact(by, 0.0))",
        "Exact(0.0, 0.0)",
    ),
    Mutant::new(
        "entropy-of-masked-class",
        "a class of -inf has no part in the entropy: 0 log 0 = 0",
        "moment/entropy.wgsl",
        "fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {\n    if !HAS_ENTROPY { return vec4<f32>(0.0); }\n    return e * -max(distance, vec4<f32>(-88.0));",
        "fn moment_of(place: Place, e: vec4<f32>, before: vec4<f32>, distance: vec4<f32>, column: u32, end: u32) -> vec4<f32> {\n    if !HAS_ENTROPY { return vec4<f32>(0.0); }\n    return e * -distance;",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Masked,"]),
    Mutant::new(
        "entropy-not-moved",
        "the entropy's sum moves with the maximum it is relative to",
        "moment/entropy.wgsl",
        "(moment + (1.0 + state.y) * by)",
        "(moment)",
    ),
    Mutant::new(
        "entropy-not-refined",
        "the entropy's sum of a long lead is taken from exact differences, too",
        "moment/entropy.wgsl",
        "row_moment = (sum.x + sum.y) + (sum.z + sum.w);",
        "",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 FineLead"]),
    Mutant::new(
        "smoothing-not-weighted",
        "label smoothing gives each class its weight",
        "coefficients.wgsl",
        "share * weights_of_classes(column, end)",
        "select(share, share * weights_of_classes(column, end), HAS_VALUES)",
    )
    .hint(&["z 0.001", "11 x 5 f32 Normal", "Positive class weights"]).cheap(),
    Mutant::new(
        "probabilities-not-weighted",
        "each class's probability has its weight",
        "coefficients.wgsl",
        "share * weights_of_classes(column, end)",
        "select(share * weights_of_classes(column, end), share, HAS_VALUES)",
    ),
    Mutant::new(
        "probabilities-not-smoothed",
        "label smoothing adds its share to probabilities",
        "coefficients.wgsl",
        " + parameters.smoothing_share",
        "",
    ),
    Mutant::new(
        "class-weights-of-first-part",
        "a part of the classes has the weights of its own",
        "coefficients.wgsl",
        "let first = parameters.first_class + first_column();",
        "let first = 0u;",
    ),
    // The reduction over rows.
    Mutant::new(
        "ignored-rows-in-denominator",
        "ignored rows are no part of the mean's denominator",
        "totals/count_tiles.wgsl",
        "label_at(row) != parameters.ignore_index",
        "true",
    )
    .hint(&["ignored", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "denominator-without-class-weights",
        "the mean is divided by the targets' class weights",
        "totals/count_tiles.wgsl",
        "sum_add_product(&denominator, weight, target_weight(row))",
        "sum_add(&denominator, bitcast<u32>(weight))",
    ),
    Mutant::new(
        "class-weights-of-probabilities-in-denominator",
        "class weights of probabilities stay out of the denominator",
        "totals/count_tiles.wgsl",
        "if !HAS_TARGET_CLASS { return 1.0; }",
        "if !HAS_TARGET_CLASS { return 2.0; }",
    ),
    Mutant::new(
        "masked-mean-of-nothing",
        "masked, a mean over nothing is 0",
        "totals/sum_finish.wgsl",
        "divisor, MASKED",
        "divisor, false",
    ),
    Mutant::new(
        "z-loss-mean-class-weighted",
        "the z-loss's mean is divided by the row weights alone",
        "totals/sum_finish.wgsl",
        "totals[at + TOTALS_ROW_WEIGHT]",
        "totals[at + TOTALS_DENOMINATOR]",
    )
    .hint(&["z 0.001", "11 x 5 f32 Normal", "Positive class weights"]).cheap(),
    // The gradient.
    Mutant::new(
        "upstream-dropped",
        "the gradient is multiplied by the upstream gradient",
        "upstream.wgsl",
        "return parameters.upstream;",
        "return 1.0;",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Normal"]),
    Mutant::new(
        "upstream-of-first-row",
        "each row has an upstream gradient of its own",
        "upstream.wgsl",
        " + place.row * parameters.upstream_stride",
        "",
    ),
    Mutant::new(
        "gradient-by-cancellation",
        "p - 1 is -r / (1 + r) where the target leads",
        "cross_entropy/gradient.wgsl",
        "target_logit == summary.state.x",
        "false",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 Lead(17)"]),
    Mutant::new(
        "ignored-row-with-gradient",
        "an ignored row has no gradient",
        "cross_entropy/gradient.wgsl",
        "if !row.is_counted { return GradientFactors(0.0, 0.0, 0.0, is_special && !MASKED); }",
        "",
    )
    .hint(&["z 0.001", "11 x 5 f32 Offset(10000)"]),
    Mutant::new(
        "gradient-of-ignored-nan",
        "strictly, an ignored row of NaN has a gradient of NaN",
        "cross_entropy/gradient.wgsl",
        "is_special && !MASKED",
        "false",
    )
    .hint(&["ignored", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "masked-row-with-gradient",
        "masked, a row of weight 0 or without terms has no gradient, whatever it holds",
        "cross_entropy/gradient.wgsl",
        "!(Z_LOSS || contributes(row, summary))) { return NO_GRADIENT; }",
        "!(Z_LOSS || contributes(row, summary))) { }",
    )
    .hint(&["SomeZero row weights", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "gradient-of-special-row",
        "the gradient of a row without a softmax is NaN",
        "cross_entropy/gradient.wgsl",
        "let is_nan = is_special ||",
        "let is_nan =",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 NotANumber"]),
    Mutant::new(
        "gradient-of-mean-of-nothing",
        "the gradient of a mean over nothing is NaN",
        "cross_entropy/gradient.wgsl",
        "(has_loss && denominators.sums.x == 0.0)",
        "false",
    )
    .hint(&["cross-entropy", "2 x 5 f32 Normal", "Cancelling row weights"]).cheap(),
    Mutant::new(
        "gradient-of-z-loss-class-weighted",
        "the z-loss's gradient is divided by the row weights alone",
        "cross_entropy/gradient.wgsl",
        "denominators.sums.y, denominators.scale.y)",
        "denominators.sums.x, denominators.scale.x)",
    )
    .hint(&["z 0.001", "11 x 5 f32 Normal", "Positive class weights"]).cheap(),
    Mutant::new(
        "target-without-own-smoothing",
        "the target's gradient has its own share of label smoothing",
        "cross_entropy/gradient.wgsl",
        "weight * p - smoothed",
        "weight * p",
    )
    .hint(&["z 0.001", "11 x 5 f32 Normal", "Positive class weights"]).cheap(),
    Mutant::new(
        "softcap-slope-dropped",
        "the gradient is multiplied by the softcap's slope",
        "transform.wgsl",
        "return gradient * select(",
        "return gradient + 0.0 * select(",
    )
    .hint(&["softcap 5", "11 x 5 f32 Wide"]),
    Mutant::new(
        "gradient-of-infinite-logit",
        "the gradient of log-sum-exp is NaN at +inf and 0 beside it",
        "gradient/write.wgsl",
        "select(vec4<u32>(0u), vec4<u32>(BITS_NAN), is_infinite)",
        "vec4<u32>(0u)",
    )
    .hint(&["log-sum-exp", "11 x 5 f32 Infinite"]),
    Mutant::new(
        "log-softmax-by-cancellation",
        "log-softmax is the sum of two distances, not the logit less log-sum-exp",
        "softmax/of_rows.wgsl",
        "(x - factors.at_target) - factors.direct",
        "x - (factors.at_target + factors.direct)",
    )
    .hint(&["log-softmax", "11 x 5 f32 Offset"]),
    Mutant::new(
        "softmax-gradient-from-zero",
        "upstream gradients of softmax are taken relative to the smallest, so that equal ones cancel",
        "moment/upstream.wgsl",
        "select((smallest >> 1u) | (smallest << 31u), 0u, smallest >= 0xff000000u)",
        "0u",
    )
    .hint(&["softmax", "41 x 7 f32"]).cheap(),
    Mutant::new(
        "denominator-dropped",
        "the gradient of a log-probability is divided by the mean's denominator",
        "cross_entropy/gradient.wgsl",
        "row.weight, 1.0, denominator, denominators.scale.x)",
        "row.weight, 1.0, 1.0, 1.0)",
    ),
    Mutant::new(
        "saved-weight-with-target",
        "a saved state's weight leaves the target's own share to the backward",
        "saved_state/partial_read.wgsl",
        "saved.weight - target_coefficient(row)",
        "saved.weight",
    )
    .on(On::TwoStep),
    // States of parts.
    Mutant::new(
        "last-part-of-ties",
        "the first of several parts with the greatest logit has the argmax",
        "family/merged.wgsl",
        "return a.argmax <= b.argmax;",
        "return a.argmax > b.argmax;",
    )
    .on(On::Parts)
    .hint(&["cross-entropy", "11 x 33 f32 NotANumber"]),
    Mutant::new(
        "part-of-nan-not-first",
        "a part with NaN has the argmax",
        "family/merged.wgsl",
        "if state.rest < -3.0 { return 3u; }",
        "if state.rest < -3.0 { return 0u; }",
    )
    .on(On::Parts)
    .hint(&["cross-entropy", "11 x 33 f32 NotANumber"]),
];
