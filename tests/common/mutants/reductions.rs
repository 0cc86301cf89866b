//! Of sums, means and other statistics.

use super::Mutant;

pub const MUTANTS: &[Mutant] = &[
    Mutant::new(
        "sum-error-dropped",
        "sums that meet keep the rounding error of their addition",
        "sum/exact.wgsl",
        "(a - (sum - of_b)) + (b - of_b)",
        "0.0",
    )
    .hint(&["reduce MeanAndVariance", "6 x 15 f32 Normal", "Huge"]),
    Mutant::new(
        "lane-error-dropped",
        "a lane keeps the rounding error of each addition",
        "sum/exact.wgsl",
        "(*sums).low += (high - (sum - of_terms)) + (terms - of_terms);",
        "",
    )
    .hint(&["reduce Sum", "Offset(9999991)"]),
    Mutant::new(
        "product-error-dropped",
        "products that cancel keep the rounding error of their multiplication",
        "sum/exact.wgsl",
        "return Exact4(products, errors);",
        "return Exact4(products, vec4<f32>(0.0));",
    ),
    Mutant::new(
        "infinite-value-forgotten",
        "a sum notes the infinities and NaN that it meets",
        "sum/sum.wgsl",
        "(*sum).met |= met;",
        "",
    )
    .hint(&["wants loss+lse+log-p+entropy", "11 x 5 f32 MaskedTarget"]),
    Mutant::new(
        "sum-of-opposite-infinities",
        "inf less inf is NaN",
        "sum/sum.wgsl",
        "if met == MET_POSITIVE {",
        "if (met & MET_POSITIVE) != 0u {",
    ),
    Mutant::new(
        "masked-quotient-of-nothing",
        "masked, a mean of nothing is 0",
        "sum/sum.wgsl",
        "select(0x7fc00000u, 0u, masked &&",
        "select(0x7fc00000u, 0u, false &&",
    ),
    Mutant::new(
        "strict-quotient-of-nothing",
        "a mean of nothing is NaN",
        "sum/sum.wgsl",
        "select(0x7fc00000u, 0u, masked &&",
        "select(0x7fc00000u, 0u,",
    ),
    Mutant::new(
        "runs-not-read-again",
        "runs with infinities or NaN are read again to tell them apart",
        "reduce/runs.wgsl",
        "let is_unusual = accumulator_is_unusual(accumulator);",
        "let is_unusual = false;",
    )
    .hint(&["reduce Sum", "7 x 5", "NotFinite"]),
    Mutant::new(
        "columns-not-read-again",
        "columns with infinities or NaN are read again to tell them apart",
        "reduce/columns.wgsl",
        "let is_unusual = accumulator_is_unusual(accumulator);",
        "let is_unusual = false;",
    )
    .hint(&["reduce Mean", "257 x 3 f32 Huge"]).cheap(),
    Mutant::new(
        "values-beyond-end",
        "what lies beyond the end of a run or column counts nothing",
        "reduce/terms.wgsl",
        "select(terms.bits, vec4<u32>(NEUTRAL), is_beyond)",
        "terms.bits",
    ),
    Mutant::new(
        "masked-value-not-left-out",
        "masked, a value of weight 0 is left out, whatever it is",
        "reduce/terms.wgsl",
        "select(terms.bits, vec4<u32>(NEUTRAL), is_out)",
        "terms.bits",
    ),
    Mutant::new(
        "zero-times-infinity",
        "0 times an infinite value is NaN",
        "reduce/terms.wgsl",
        " || is_zero {",
        " {",
    ),
    Mutant::new(
        "sign-of-product",
        "a negative weight turns an infinite value round",
        "reduce/terms.wgsl",
        "bits ^ weight_bits",
        "bits",
    ),
    Mutant::new(
        "variance-without-pivot",
        "a variance is summed around a value near the mean",
        "reduce/statistic/mean_and_variance.wgsl",
        "min(max(pivot, lowest), highest), is_one",
        "0.0 * pivot, is_one",
    )
    .hint(&["reduce segments MeanAndVariance", "33 x 2 f32 Offset(10000)"]),
    Mutant::new(
        "variance-not-shifted",
        "variances that meet are moved to one pivot",
        "reduce/statistic/mean_and_variance.wgsl",
        "wide_sum(wide_of(b.pivot), wide_of(-a.pivot))",
        "WIDE_ZERO",
    ),
    Mutant::new(
        "correction-dropped",
        "a variance's divisor is less by the correction",
        "reduce/statistic/mean_and_variance.wgsl",
        "-parameters.correction",
        "0.0",
    ),
    Mutant::new(
        "weighted-mean-of-signs",
        "a weighted mean is divided by the sum of its weights",
        "reduce/statistic/weighted_mean.wgsl",
        "exact4_add(&weight, w);",
        "exact4_add(&weight, abs(w));",
    ),
    Mutant::new(
        "zero-weights-counted",
        "a mean over a number of weights counts those that are not 0",
        "reduce/statistic/sum.wgsl",
        "select(vec4<u32>(0u), vec4<u32>(1u), (weight_bits & vec4<u32>(0x7fffffffu)) != vec4<u32>(0u))",
        "vec4<u32>(1u)",
    )
    .hint(&["over nonzero weights", "7 x 5"]),
    Mutant::new(
        "infinite-weight-uncounted",
        "a weight that is not finite counts as one that is not 0",
        "reduce/statistic/sum.wgsl",
        "select(0u, 1u, of_weight != 0u)",
        "0u",
    )
    .hint(&["over nonzero weights", "7 x 5"]).cheap(),
    Mutant::new(
        "extremum-without-nan",
        "the greatest and the least of values with NaN is NaN",
        "reduce/statistic/extremum.wgsl",
        "rank = select(rank, vec4<i32>(RANK_NAN), magnitude > vec4<u32>(0x7f800000u));",
        "",
    )
    .hint(&["reduce Max", "NotANumber"]),
    Mutant::new(
        "order-of-negative-values",
        "negative values are in their order",
        "reduce/statistic/extremum.wgsl",
        "return bits ^ ((bits >> vec4<u32>(31u)) & vec4<i32>(0x7fffffff));",
        "return bits;",
    )
    .hint(&["reduce Max", "Offset(-10000)"]),
    Mutant::new(
        "extremum-of-weight-zero",
        "a value of weight 0 is neither the greatest nor the least",
        "reduce/statistic/extremum.wgsl",
        "select(rank, vec4<i32>(RANK_NOTHING), is_out)",
        "rank",
    )
    .hint(&["reduce Max", "NotANumber"]),
    Mutant::new(
        "sign-of-log-sum-exp",
        "the log-sum-exp of signed weights has the sign of its sum",
        "reduce/statistic/log_sum_exp.wgsl",
        "select(-1.0, 1.0, sum > 0.0)",
        "1.0",
    ),
    Mutant::new(
        "partial-log-sum-exp-not-rescaled",
        "partial log-sum-exps that meet are rescaled to the greater maximum",
        "reduce/statistic/log_sum_exp.wgsl",
        "let rescale = exp_difference_scalar(low.maximum, high.maximum);",
        "let rescale = 1.0;",
    ),
    // Segments.
    Mutant::new(
        "sort-not-stable",
        "rows are sorted by their segments digit by digit, without disturbing earlier digits",
        "reduce/sort/scatter.wgsl",
        "for (var other = 0u; other < LANES; other++) {",
        "for (var back = 0u; back < LANES; back++) {\n            let other = LANES - 1u - back;",
    )
    .hint(&["reduce segments", "65 x 3"]),
    Mutant::new(
        "rows-of-no-segment-sorted-in",
        "rows of no segment are sorted behind all others",
        "reduce/sort/digits.wgsl",
        "min(keys[parameters.values_offset + row], parameters.segments)",
        "keys[parameters.values_offset + row]",
    )
    .hint(&["reduce segments", "300 x 65"]),
    Mutant::new(
        "segment-beyond-end",
        "a piece of a segment ends with it",
        "reduce/segments.wgsl",
        "min(segment_start(low + 1u), first + parameters.part_length)",
        "min(parameters.rows, first + parameters.part_length)",
    )
    .hint(&["reduce segments", "257 x 5"]),
    // Gradients.
    Mutant::new(
        "weight-gradient-without-upstream",
        "the gradient of weights is multiplied by the upstream gradient",
        "reduce/gradient/sum.wgsl",
        "return bitcast<u32>(upstream_of(result) * bitcast<f32>(bits));",
        "return bits;",
    )
    .hint(&["reduce Sum", "and of weights", "7 x 5"]),
    Mutant::new(
        "reduction-upstream-of-first",
        "each result has an upstream gradient of its own",
        "reduce/gradient/forward.wgsl",
        " + result * parameters.upstream_stride",
        "",
    ),
    Mutant::new(
        "masked-weight-gradient",
        "masked, the gradient of a weight of 0 is 0, whatever its value",
        "reduce/gradient/sum.wgsl",
        "if MASKED && (weight & 0x7fffffffu) == 0u && met_by(bits) != 0u { return 0u; }",
        "",
    )
    .hint(&["reduce Sum", "Masked and of weights", "7 x 5"]),
    Mutant::new(
        "weight-gradient-of-mean",
        "the gradient of a mean's weight is relative to the mean",
        "reduce/gradient/sum.wgsl",
        "bitcast<f32>(bits) - bitcast<f32>(mean)",
        "bitcast<f32>(bits)",
    ),
    Mutant::new(
        "gradient-of-counted-mean",
        "the gradient of a weight that is counted is that of its value alone",
        "reduce/gradient/sum.wgsl",
        "if IS_COUNTED {",
        "if false {",
    ),
    Mutant::new(
        "reduced-gradient-of-mean-of-nothing",
        "the gradient of a mean of nothing is NaN, masked 0 where the weight is",
        "reduce/gradient/sum.wgsl",
        "select(NAN, 0u, MASKED && (weight & 0x7fffffffu) == 0u)",
        "NAN",
    )
    .hint(&["reduce Mean", "Masked", "12 x 10", "Zero"]),
    Mutant::new(
        "gradient-above-maximum",
        "the gradient of a weight of 0 whose value lies above the maximum is right",
        "reduce/gradient/log_sum_exp.wgsl",
        "if x > maximum {",
        "if false {",
    )
    .hint(&["reduce LogSumExp", "12 x 10 f32 Lead(89)"]).cheap(),
    Mutant::new(
        "gradient-of-weight-zero",
        "the gradient of a value of weight 0 is 0, whatever it is",
        "reduce/gradient/log_sum_exp.wgsl",
        "fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {\n    if (weight & 0x7fffffffu) == 0u { return 0u; }",
        "fn value_gradient_of(bits: u32, weight: u32, result: u32) -> u32 {",
    ),
];
