//! Means with variances.

use super::*;

const fn variance(correction: f32, name: &'static str, values: [f32; 3]) -> Row {
    Row::new(Statistic::MeanAndVariance { correction }, name, values)
}

const fn gives(mean: f64, variance: f64, denominator: f64) -> Outcome {
    of(mean).varying(number(variance)).over(denominator)
}

const UNDEFINED: Outcome = gives(NONE, NONE, 0.0);

pub const ROWS: &[Row] = &[
    variance(0.0, "a variance", [1.0, 2.0, 6.0]).gives(gives(3.0, 14.0 / 3.0, 3.0)),
    variance(0.0, "a weighted variance", [1.0, 2.0, 6.0])
        .weighing([1.0, 2.0, 1.0])
        .gives(gives(2.75, 3.6875, 4.0)),
    far(variance(0.0, "a variance of what leaves f32", [FAR; 3]))
        .gives(gives(FAR as f64, 0.0, 3.0)),
    far(variance(0.0, "too large a variance", [FAR, FAR, -FAR])).gives(gives(
        FAR as f64 / 3.0,
        INFINITE,
        3.0,
    )),
    far(variance(0.0, "a variance by weights that leave f32", [1.0, 2.0, 6.0]))
        .weighing([FAR; 3])
        .gives(gives(3.0, 14.0 / 3.0, INFINITE)),
    far(variance(0.0, "a variance by weights of hardly anything", [1.0, 2.0, 6.0]))
        .weighing([NEAR; 3])
        .gives(gives(3.0, 14.0 / 3.0, 3.0 * NEAR as f64)),
    variance(1.0, "an unbiased variance", [1.0, 2.0, 6.0]).gives(gives(3.0, 7.0, 3.0)),
    variance(1.0, "a weighted unbiased variance", [1.0, 2.0, 6.0])
        .weighing([1.0, 2.0, 1.0])
        .gives(gives(2.75, 14.75 / 3.0, 4.0)),
    variance(-1.0, "a variance, correction below 0", [1.0, 2.0, 6.0])
        .weighing([1.0, 2.0, 1.0])
        .gives(gives(2.75, 2.95, 4.0)),
    variance(3.0, "a variance, correction as large as the weights", [1.0, 2.0, 6.0])
        .gives(gives(3.0, NONE, 3.0)),
    variance(3.5, "a variance, correction beyond the weights", [1.0, 2.0, 6.0])
        .gives(gives(3.0, NONE, 3.0)),
    variance(4.0, "a weighted variance, correction as large as the weights", [1.0, 2.0, 6.0])
        .weighing([1.0, 2.0, 1.0])
        .gives(gives(2.75, NONE, 4.0)),
    variance(0.0, "a variance of one value", [7.0, 0.0, 0.0])
        .weighing([2.0, 0.0, 0.0])
        .gives(gives(7.0, 0.0, 2.0)),
    variance(0.0, "a variance never counts weights", [1.0, 2.0, 6.0])
        .weighing([1.0, 2.0, 1.0])
        .counting()
        .gives(gives(2.75, 3.6875, 4.0)),
    variance(0.0, "a variance with +inf", [1.0, INF, 6.0]).gives(gives(INFINITE, NONE, 3.0)),
    variance(0.0, "a variance with both infinities", [NEG, INF, 6.0]).gives(gives(NONE, NONE, 3.0)),
    variance(0.0, "a variance with NaN", [1.0, NAN, 6.0]).gives(gives(NONE, NONE, 3.0)),
    variance(0.0, "a variance with +inf of weight 0", [1.0, INF, 3.0])
        .weighing([1.0, 0.0, 3.0])
        .gives_each(gives(NONE, NONE, 4.0), gives(2.5, 0.75, 4.0)),
    variance(0.0, "a variance with NaN of weight 0", [1.0, NAN, 3.0])
        .weighing([1.0, 0.0, 3.0])
        .gives_each(gives(NONE, NONE, 4.0), gives(2.5, 0.75, 4.0)),
    variance(0.0, "a variance of nothing but weights of 0", [1.0, 2.0, 6.0])
        .weighing([0.0; 3])
        .gives_each(UNDEFINED, gives(0.0, 0.0, 0.0)),
    variance(1.0, "an unbiased variance of nothing but weights of 0", [1.0, NAN, 6.0])
        .weighing([0.0; 3])
        .gives_each(UNDEFINED, gives(0.0, 0.0, 0.0)),
    variance(-1.0, "a variance of weights that sum to 0", [1.0, 2.0, 6.0])
        .weighing([1.0, -1.0, 0.0])
        .gives(UNDEFINED),
    variance(0.0, "a variance of products and weights that sum to 0", [2.0, 2.0, 6.0])
        .weighing([1.0, -1.0, 0.0])
        .gives_each(UNDEFINED, gives(0.0, 0.0, 0.0)),
    variance(0.0, "a variance of weights of either sign", [1.0, 2.0, 4.0])
        .weighing([2.0, -1.0, 1.0])
        .gives(gives(2.0, 3.0, 2.0)),
    variance(0.0, "a variance below 0", [1.0, 5.0, 0.0])
        .weighing([3.0, -1.0, 0.0])
        .gives(gives(-1.0, -12.0, 2.0)),
    variance(0.0, "a variance of weights that sum to less than 0", [1.0, 2.0, 4.0])
        .weighing([1.0, -4.0, 1.0])
        .gives(gives(1.5, NONE, -2.0)),
    variance(0.0, "a variance with a weight of NaN", [1.0, 2.0, 4.0])
        .weighing([1.0, NAN, 1.0])
        .gives(gives(NONE, NONE, NONE)),
    variance(0.0, "a variance with a weight of +inf", [1.0, 2.0, 4.0])
        .weighing([1.0, INF, 1.0])
        .gives(gives(NONE, NONE, INFINITE)),
];
