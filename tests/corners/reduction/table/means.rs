//! Means, over the sum of the weights and over their number.

use super::*;

const fn mean(name: &'static str, values: [f32; 3]) -> Row {
    Row::new(Statistic::Mean, name, values)
}

/// Of three values without weights.
const fn plain(value: f64) -> Outcome {
    of(value).over(3.0).dx([THIRD; 4])
}

/// Over weights that sum to 0: no mean, and no derivative.
const UNDEFINED: Outcome = of(NONE).over(0.0).dx([NONE; 4]).dw([NONE; 4]);

/// The same where weights of 0 have none: the third's, and all others'.
const MASKED: Outcome = of(NONE).over(0.0).dx([NONE, NONE, 0.0, 0.0]).dw([NONE, NONE, 0.0, 0.0]);

/// Over weights that are all 0.
const NOTHING: Outcome = of(0.0).over(0.0).dx([0.0; 4]).dw([0.0; 4]);

pub const ROWS: &[Row] = &[
    mean("a mean", [1.0, 2.0, 6.0]).gives(plain(3.0)),
    mean("a weighted mean", [1.0, 2.0, 6.0]).weighing([1.0, 2.0, 1.0]).gives(
        of(2.75).over(4.0).dx([0.25, 0.5, 0.25, 0.0]).dw([-0.4375, -0.1875, 0.8125, -0.6875]),
    ),
    mean("a mean with +inf", [1.0, INF, 6.0]).gives(plain(INFINITE)),
    mean("a mean with both infinities", [1.0, INF, NEG]).gives(plain(NONE)),
    mean("a mean with NaN", [1.0, NAN, 6.0]).gives(plain(NONE)),
    far(mean("a mean whose sum leaves f32", [FAR; 3])).gives(plain(FAR as f64)),
    far(mean("a mean that leaves f32 on its way", [FAR, FAR, -FAR])).gives(plain(FAR as f64 / 3.0)),
    far(mean("a mean of weights that leave f32", [1048576.0, 2097152.0, 6291456.0]))
        .weighing([FAR; 3])
        .gives(of(3145728.0).over(INFINITE).dx([THIRD, THIRD, THIRD, 0.0]).dw([
            -2097152.0 / (3.0 * FAR as f64),
            -1048576.0 / (3.0 * FAR as f64),
            3145728.0 / (3.0 * FAR as f64),
            -3145728.0 / (3.0 * FAR as f64),
        ])),
    far(mean("a mean of products that leave f32", [FAR, -FAR, FAR])).weighing([FAR; 3]).gives(
        of(FAR as f64 / 3.0).over(INFINITE).dx([THIRD, THIRD, THIRD, 0.0]).dw([
            2.0 / 9.0,
            -4.0 / 9.0,
            2.0 / 9.0,
            -1.0 / 9.0,
        ]),
    ),
    far(mean("a mean over a number of weights that leave f32", [2.0, 4.0, 3.0]))
        .weighing([FAR, -FAR, FAR])
        .counting()
        .gives(
            of(FAR as f64 / 3.0)
                .over(3.0)
                .dx([FAR as f64 / 3.0, -FAR as f64 / 3.0, FAR as f64 / 3.0, 0.0])
                .dw([2.0 / 3.0, 4.0 / 3.0, 1.0, 0.0]),
        ),
    far(mean("a mean of products of hardly anything", [NEAR, 2.0 * NEAR, 6.0 * NEAR]))
        .weighing([NEAR; 3])
        .gives(of(3.0 * NEAR as f64).over(3.0 * NEAR as f64).dx([THIRD, THIRD, THIRD, 0.0]).dw([
            -2.0 * THIRD,
            -THIRD,
            1.0,
            -1.0,
        ])),
    mean("a mean of one weight", [1.0, 2.0, 6.0]).weighing([2.0; 3]).gives(
        of(3.0).over(6.0).dx([THIRD, THIRD, THIRD, 0.0]).dw([-THIRD, -1.0 / 6.0, 0.5, -0.5]),
    ),
    mean("a mean of weights of either sign", [1.0, 3.0, 4.0])
        .weighing([2.0, -1.0, 1.0])
        .gives(of(1.5).over(2.0).dx([1.0, -0.5, 0.5, 0.0]).dw([-0.25, 0.75, 1.25, -0.75])),
    mean("a mean of weights that sum to less than 0", [1.0, 2.0, 4.0])
        .weighing([1.0, -4.0, 1.0])
        .gives(of(1.5).over(-2.0).dx([-0.5, 2.0, -0.5, 0.0]).dw([0.25, -0.25, -1.25, 0.75])),
    mean("a mean of weights that sum to 0", [1.0, 2.0, 4.0])
        .weighing([1.0, -1.0, 0.0])
        .gives_each(UNDEFINED, MASKED),
    mean("a mean of products and weights that sum to 0", [2.0, 2.0, 5.0])
        .weighing([1.0, -1.0, 0.0])
        .gives_each(UNDEFINED, Outcome { value: Is::Zero, ..MASKED }),
    mean("a mean of nothing but weights of 0", [1.0, 2.0, 4.0])
        .weighing([0.0; 3])
        .gives_each(UNDEFINED, NOTHING),
    mean("a mean of nothing but weights of 0, with NaN", [1.0, NAN, 4.0])
        .weighing([0.0; 3])
        .gives_each(UNDEFINED, NOTHING),
    mean("a mean with +inf of weight 0", [1.0, INF, 3.0]).weighing([1.0, 0.0, 3.0]).gives_each(
        of(NONE).over(4.0).dx([0.25, 0.0, 0.75, 0.0]).dw([NONE; 4]),
        of(2.5).over(4.0).dx([0.25, 0.0, 0.75, 0.0]).dw([-0.375, 0.0, 0.125, -0.625]),
    ),
    mean("a mean with NaN of weight 0", [1.0, NAN, 3.0]).weighing([1.0, 0.0, 3.0]).gives_each(
        of(NONE).over(4.0).dx([0.25, 0.0, 0.75, 0.0]).dw([NONE; 4]),
        of(2.5).over(4.0).dx([0.25, 0.0, 0.75, 0.0]).dw([-0.375, 0.0, 0.125, -0.625]),
    ),
    mean("a mean with a value of weight 0", [1.0, 6.5, 3.0])
        .weighing([1.0, 0.0, 3.0])
        .gives(of(2.5).over(4.0).dx([0.25, 0.0, 0.75, 0.0]).dw([-0.375, 1.0, 0.125, -0.625])),
    mean("a weighted mean with -inf", [1.0, NEG, 3.0])
        .weighing([1.0, 1.0, 2.0])
        .gives(of(-INFINITE).over(4.0).dx([0.25, 0.25, 0.5, 0.0]).dw([NONE; 4])),
    mean("a mean with +inf of a weight below 0", [1.0, INF, 3.0])
        .weighing([1.0, -1.0, 2.0])
        .gives(of(-INFINITE).over(2.0).dx([0.5, -0.5, 1.0, 0.0]).dw([NONE; 4])),
    mean("a mean with a weight of NaN", [1.0, 2.0, 3.0])
        .weighing([1.0, NAN, 1.0])
        .gives(of(NONE).over(NONE).dx([NONE; 4]).dw([NONE; 4])),
    mean("a mean with a weight of +inf", [1.0, 2.0, 3.0])
        .weighing([1.0, INF, 1.0])
        .gives(of(NONE).over(INFINITE).dx([0.0, NONE, 0.0, 0.0]).dw([NONE; 4])),
    mean("a mean with weights of both infinities", [1.0, 2.0, 3.0])
        .weighing([NEG, INF, 1.0])
        .gives(of(NONE).over(NONE).dx([NONE; 4]).dw([NONE; 4])),
    mean("a mean over a number of values", [1.0, 2.0, 6.0]).counting().gives(plain(3.0)),
    mean("a mean over a number of weights", [1.0, 2.0, 6.0])
        .weighing([1.0, 0.0, 2.0])
        .counting()
        .gives(of(6.5).over(2.0).dx([0.5, 0.0, 1.0, 0.0]).dw([0.5, 1.0, 3.0, 0.0])),
    mean("a mean over a number of weights that sum to 0", [1.0, 2.0, 6.0])
        .weighing([1.0, 1.0, -2.0])
        .counting()
        .gives(of(-3.0).over(3.0).dx([THIRD, THIRD, -2.0 * THIRD, 0.0]).dw([
            THIRD,
            2.0 * THIRD,
            2.0,
            0.0,
        ])),
    mean("a mean over no weights", [1.0, 2.0, 6.0])
        .weighing([0.0; 3])
        .counting()
        .gives_each(UNDEFINED, NOTHING),
    mean("a mean over no weights, with +inf", [1.0, INF, 6.0])
        .weighing([0.0, -0.0, 0.0])
        .counting()
        .gives_each(UNDEFINED, NOTHING),
    mean("a mean over a number of weights, +inf of weight 0", [1.0, INF, 3.0])
        .weighing([1.0, 0.0, 3.0])
        .counting()
        .gives_each(
            of(NONE).over(2.0).dx([0.5, 0.0, 1.5, 0.0]).dw([0.5, INFINITE, 1.5, 0.0]),
            of(5.0).over(2.0).dx([0.5, 0.0, 1.5, 0.0]).dw([0.5, 0.0, 1.5, 0.0]),
        ),
    mean("a mean over a number of weights with NaN", [1.0, 2.0, 3.0])
        .weighing([1.0, NAN, 0.0])
        .counting()
        .gives(of(NONE).over(2.0).dx([0.5, NONE, 0.0, 0.0]).dw([0.5, 1.0, 1.5, 0.0])),
    mean("a mean over a number of weights with +inf", [1.0, 2.0, 3.0])
        .weighing([1.0, INF, 0.0])
        .counting()
        .gives(of(INFINITE).over(2.0).dx([0.5, INFINITE, 0.0, 0.0]).dw([0.5, 1.0, 1.5, 0.0])),
    mean("a mean over a number of weights, NaN", [1.0, NAN, 3.0])
        .weighing([1.0, 2.0, 0.0])
        .counting()
        .gives(of(NONE).over(2.0).dx([0.5, 1.0, 0.0, 0.0]).dw([0.5, NONE, 1.5, 0.0])),
];
