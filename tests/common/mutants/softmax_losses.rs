//! Of focal loss and divergences of logits.

use super::Mutant;

pub const MUTANTS: &[Mutant] = &[
    Mutant::new(
        "softmax-loss-maximum-not-excluded",
        "the maximum's own exponential, which is 1, stays out of the sum of the others",
        "softmax_loss/run.wgsl",
        "select(e, vec4<f32>(0.0), e == vec4<f32>(1.0))",
        "e",
    )
    .hint(&["softmax Focal", "12 x 10 f32 Lead(20)"]),
    Mutant::new(
        "softmax-loss-lead-not-refined",
        "a lane whose other logits lie far below its maximum sums them again from exact differences",
        "softmax_loss/load.wgsl",
        "r < 1e-9",
        "r < 0.0",
    )
    .hint(&["softmax Focal", "12 x 10 f32 FineLead"]).cheap(),
    Mutant::new(
        "softmax-loss-negative-nan-unseen",
        "NaN with the sign set is seen",
        "softmax_loss/run.wgsl",
        " || unsigned > BITS_NEGATIVE_INFINITY",
        "",
    )
    .hint(&["softmax", "12 x 10 f32 NotANumber"]),
    Mutant::new(
        "focal-complement-of-target",
        "1 - p of a target that leads is r / (1 + r)",
        "softmax_loss/of_class.wgsl",
        "known.x == student.state.x",
        "false",
    )
    .hint(&["softmax Focal", "12 x 10 f32 Lead(20)"]),
    Mutant::new(
        "focal-complement-of-leader",
        "1 - p of the class that leads is r / (1 + r), where every class has a term",
        "softmax_loss/targets.wgsl",
        "select(1.0 - p, at_maximum, x == vec4<f32>(student.state.x))",
        "(1.0 - p)",
    )
    .hint(&["softmax Focal", "12 x 10 f32 Lead(20)", "OneHot"]).cheap(),
    Mutant::new(
        "focal-masked-target-finite",
        "a target of -inf has an infinite loss",
        "softmax_loss/of_class.wgsl",
        "flags |= infinite_flag(coefficient);",
        "",
    )
    .hint(&["softmax Focal", "12 x 10 f32 MaskedTarget"]),
    Mutant::new(
        "focal-infinite-term-dropped",
        "a class of -inf with a coefficient has an infinite loss",
        "softmax_loss/targets.wgsl",
        "if is_told[i] {",
        "if false {",
    )
    .hint(&["softmax Focal", "12 x 10 f32 MaskedTarget"]),
    Mutant::new(
        "focal-fraction-of-gamma",
        "the rest of gamma beside its whole part has its power",
        "row_loss/focal.wgsl",
        "if rest > 0.0 {",
        "if false {",
    )
    .hint(&["gamma: 3.7", "12 x 10 f32 Normal"]),
    Mutant::new(
        "softmax-loss-masked-row",
        "masked, a row of weight 0 or without coefficients has no loss, whatever it holds",
        "softmax_loss/row.wgsl",
        "return MASKED && ",
        "return false && ",
    )
    .hint(&["softmax Focal", "12 x 10 f32 NotANumber", "SomeZero row weights"]),
    Mutant::new(
        "softmax-loss-opposite-infinities",
        "an infinite term less another is NaN",
        "softmax_loss/row.wgsl",
        "row.weight == 0.0 || (infinite != FLAG_POSITIVE && infinite != FLAG_NEGATIVE)",
        "row.weight == 0.0",
    )
    .hint(&["softmax Focal", "12 x 10 f32 MaskedTarget", "Signed"]),
    Mutant::new(
        "divergence-by-cancellation",
        "the divergence of two rows that are close is a series, without cancellation",
        "row_loss/kl_divergence.wgsl",
        "select(fma(q, d - 1.0, p) * (unit * unit), first * (in_units * ratio), is_near)",
        "fma(q, d - 1.0, p) * (unit * unit)",
    )
    .hint(&["softmax KlDivergence", "12 x 10 f32 Normal"]),
    Mutant::new(
        "divergence-gradient-by-cancellation",
        "the gradient of the divergence of two rows that are close does not cancel",
        "row_loss/kl_divergence.wgsl",
        "select((p - q) * unit, first * fma(near, ratio, vec4<f32>(-1.0)), is_near)",
        "(p - q) * unit",
    )
    .hint(&["softmax KlDivergence", "temperature 100000", "12 x 10 f32 Normal"]).cheap(),
    Mutant::new(
        "divergence-without-class",
        "a class that the student excludes and the teacher does not makes the divergence infinite",
        "row_loss/kl_divergence.wgsl",
        "any(student_has_none & !teacher_has_none)",
        "false",
    )
    .hint(&["softmax KlDivergence", "12 x 10 f32 Masked,"]),
    Mutant::new(
        "jensen-shannon-by-cancellation",
        "the Jensen-Shannon divergence of two rows that are close is a series, without cancellation",
        "row_loss/jensen_shannon.wgsl",
        "select(far * (unit * unit), h, is_near)",
        "far * (unit * unit)",
    )
    .hint(&["softmax JensenShannon", "12 x 10 f32 Normal"]),
    Mutant::new(
        "difference-of-distances",
        "log-probabilities that are close differ by the difference of the logits themselves",
        "softmax_loss/teacher.wgsl",
        "abs(apart) > 64.0",
        "true",
    )
    .hint(&["softmax KlDivergence", "12 x 10 f32 FineLead(8)"]).cheap(),
    Mutant::new(
        "temperature-not-of-loss",
        "a divergence at a temperature is multiplied by its square",
        "row_loss/kl_divergence.wgsl",
        "fma(q, d - 1.0, p) * (unit * unit)",
        "fma(q, d - 1.0, p) * unit",
    )
    .hint(&["softmax KlDivergence", "12 x 10 f32 Wide"]).cheap(),
];
