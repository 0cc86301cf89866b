//! Logarithms of weighted sums of exponentials, with their sign.

use std::f64::consts::LN_2;

use super::*;

/// `ln 3`.
const LN_3: f64 = 1.098_612_288_668_109_8;

/// `exp(5) / 4`.
const E_5_QUARTER: f64 = 37.103_289_775_644_15;

/// `2^-23`, its inverse, and that times `exp(3)`.
const TINY: f32 = f32::EPSILON;
const E_23: f64 = 8_388_608.0;
const OTHERS: f64 = E_23 * 20.085_536_923_187_668;

const fn log(name: &'static str, values: [f32; 3]) -> Row {
    Row::new(Statistic::LogSumExp, name, values)
}

const fn gives(value: f64, sign: f64) -> Outcome {
    of(value).signed(number(sign))
}

/// No sum, or one of 0: no derivative where there is a weight, and none by weights.
const fn undefined(value: f64, sign: f64, dx: [f64; 4]) -> Outcome {
    gives(value, sign).dx(dx).dw([NONE; 4])
}

const ALL: [f64; 4] = [NONE; 4];
/// All three have weights, the others have none.
const WEIGHTED: [f64; 4] = [NONE, NONE, NONE, 0.0];

pub const ROWS: &[Row] = &[
    log("a log-sum-exp", [0.0; 3]).gives(gives(LN_3, 1.0).dx([THIRD, THIRD, THIRD, 0.0])),
    log("a weighted log-sum-exp", [0.0; 3])
        .weighing([1.0, 2.0, 1.0])
        .gives(gives(2.0 * LN_2, 1.0).dx([0.25, 0.5, 0.25, 0.0]).dw([0.25; 4])),
    log("a log-sum-exp far up", [1000.0; 3])
        .gives(gives(1000.0 + LN_3, 1.0).dx([THIRD, THIRD, THIRD, 0.0])),
    log("a log-sum-exp far down", [-1000.0; 3])
        .gives(gives(-1000.0 + LN_3, 1.0).dx([THIRD, THIRD, THIRD, 0.0])),
    log("a log-sum-exp with -inf", [0.0, NEG, 0.0])
        .gives(gives(LN_2, 1.0).dx([0.5, 0.0, 0.5, 0.0])),
    log("a log-sum-exp of -inf", [NEG; 3]).gives(undefined(-INFINITE, 0.0, ALL)),
    log("a log-sum-exp with +inf", [0.0, INF, NEG])
        .gives(gives(INFINITE, 1.0).dx([0.0, NONE, 0.0, 0.0])),
    log("a log-sum-exp with +inf twice", [INF, INF, 0.0])
        .gives(gives(INFINITE, 1.0).dx([NONE, NONE, 0.0, 0.0])),
    log("a log-sum-exp with NaN", [0.0, NAN, INF]).gives(undefined(NONE, NONE, ALL)),
    log("a log-sum-exp of one weight", [0.0; 3])
        .weighing([2.0; 3])
        .gives(gives(LN_2 + LN_3, 1.0).dx([THIRD, THIRD, THIRD, 0.0]).dw([1.0 / 6.0; 4])),
    log("a log-sum-exp of a sum below 0", [0.0; 3])
        .weighing([1.0, -3.0, 0.0])
        .gives(gives(LN_2, -1.0).dx([-0.5, 1.5, 0.0, 0.0]).dw([-0.5; 4])),
    far(log("a log-sum-exp of hardly anything left", [0.0; 3]))
        .weighing([1.0, -1.0, TINY])
        .gives(gives(-23.0 * LN_2, 1.0).dx([E_23, -E_23, 1.0, 0.0]).dw([E_23; 4])),
    far(log("the same the other way round", [0.0; 3]))
        .weighing([-TINY, -1.0, 1.0])
        .gives(gives(-23.0 * LN_2, -1.0).dx([1.0, E_23, -E_23, 0.0]).dw([-E_23; 4])),
    far(log("a log-sum-exp that is left between those that cancel", [-3.0; 3]))
        .weighing([1.0, TINY, -1.0])
        .gives(
            gives(-3.0 - 23.0 * LN_2, 1.0)
                .dx([E_23, 1.0, -E_23, 0.0])
                .dw([E_23, E_23, E_23, OTHERS]),
        ),
    log("a log-sum-exp of a sum of 0", [0.0; 3]).weighing([1.0, -1.0, 0.0]).gives(undefined(
        -INFINITE,
        0.0,
        [NONE, NONE, 0.0, 0.0],
    )),
    log("a log-sum-exp of nothing but weights of 0", [0.0, NAN, INF])
        .weighing([0.0; 3])
        .gives(undefined(-INFINITE, 0.0, [0.0; 4])),
    log("a weighted log-sum-exp of -inf", [NEG; 3])
        .weighing([1.0, -2.0, 1.0])
        .gives(undefined(-INFINITE, 0.0, WEIGHTED)),
    log("a weighted log-sum-exp with -inf", [0.0, NEG, 0.0])
        .weighing([1.0, 5.0, 1.0])
        .gives(gives(LN_2, 1.0).dx([0.5, 0.0, 0.5, 0.0]).dw([0.5, 0.0, 0.5, 0.5])),
    log("a log-sum-exp with +inf of weight 0", [0.0, INF, 0.0])
        .weighing([1.0, 0.0, 3.0])
        .gives(gives(2.0 * LN_2, 1.0).dx([0.25, 0.0, 0.75, 0.0]).dw([0.25, 0.0, 0.25, 0.25])),
    log("a log-sum-exp with NaN of weight 0", [0.0, NAN, 0.0])
        .weighing([1.0, -0.0, 3.0])
        .gives(gives(2.0 * LN_2, 1.0).dx([0.25, 0.0, 0.75, 0.0]).dw([0.25, 0.0, 0.25, 0.25])),
    log("a log-sum-exp with -inf of weight 0", [0.0, NEG, 0.0])
        .weighing([1.0, 0.0, 3.0])
        .gives(gives(2.0 * LN_2, 1.0).dx([0.25, 0.0, 0.75, 0.0]).dw([0.25, 0.0, 0.25, 0.25])),
    log("a log-sum-exp with a leader of weight 0", [0.0, 5.0, 0.0])
        .weighing([1.0, 0.0, 3.0])
        .gives(gives(2.0 * LN_2, 1.0).dx([0.25, 0.0, 0.75, 0.0]).dw([
            0.25,
            E_5_QUARTER,
            0.25,
            0.25,
        ])),
    log("a log-sum-exp with +inf of a weight below 0", [0.0, INF, 0.0])
        .weighing([1.0, -2.0, 1.0])
        .gives(gives(INFINITE, -1.0).dx([0.0, NONE, 0.0, 0.0]).dw([0.0, NONE, 0.0, 0.0])),
    log("a log-sum-exp with +inf twice, of weights of either sign", [INF, INF, 0.0])
        .weighing([1.0, -1.0, 1.0])
        .gives(undefined(NONE, NONE, WEIGHTED)),
    log("a weighted log-sum-exp with NaN", [0.0, NAN, 0.0])
        .weighing([1.0, 2.0, 0.0])
        .gives(undefined(NONE, NONE, [NONE, NONE, 0.0, 0.0])),
    log("a log-sum-exp with a weight of NaN", [0.0; 3])
        .weighing([1.0, NAN, 1.0])
        .gives(undefined(NONE, NONE, WEIGHTED)),
    log("a log-sum-exp with a weight of NaN on -inf", [0.0, NEG, 0.0])
        .weighing([1.0, NAN, 1.0])
        .gives(undefined(NONE, NONE, WEIGHTED)),
    log("a log-sum-exp with a weight of +inf", [0.0; 3])
        .weighing([1.0, INF, 1.0])
        .gives(gives(INFINITE, 1.0).dx([0.0, NONE, 0.0, 0.0]).dw([0.0; 4])),
    log("a log-sum-exp with a weight of -inf", [0.0; 3])
        .weighing([1.0, NEG, 1.0])
        .gives(gives(INFINITE, -1.0).dx([0.0, NONE, 0.0, 0.0]).dw([0.0; 4])),
    log("a log-sum-exp with weights of both infinities", [0.0; 3])
        .weighing([INF, NEG, 1.0])
        .gives(undefined(NONE, NONE, WEIGHTED)),
    log("a log-sum-exp with a weight of +inf on -inf", [0.0, NEG, 0.0])
        .weighing([1.0, INF, 1.0])
        .gives(undefined(NONE, NONE, WEIGHTED)),
    log("a log-sum-exp with a weight of +inf on +inf", [0.0, INF, 0.0])
        .weighing([1.0, INF, 1.0])
        .gives(gives(INFINITE, 1.0).dx([0.0, NONE, 0.0, 0.0]).dw([0.0, NONE, 0.0, 0.0])),
    log("a log-sum-exp with a weight of +inf beside +inf of a weight below 0", [0.0, INF, 0.0])
        .weighing([INF, -1.0, 1.0])
        .gives(undefined(NONE, NONE, WEIGHTED)),
];
