//! Largest and smallest values.

use super::*;

const fn max(name: &'static str, values: [f32; 3]) -> Row {
    Row::new(Statistic::Max, name, values)
}

const fn min(name: &'static str, values: [f32; 3]) -> Row {
    Row::new(Statistic::Min, name, values)
}

pub const ROWS: &[Row] = &[
    max("a largest value", [1.0, 2.0, -4.0]).gives(of(2.0)),
    max("a largest weighted value", [1.0, 9.0, 2.0]).weighing([1.0, 0.0, 3.0]).gives(of(2.0)),
    max("a largest value below 0", [-3.0, -2.0, -4.0]).gives(of(-2.0)),
    max("a largest weighted value below 0", [-3.0, -2.0, -4.0]).weighing([1.0; 3]).gives(of(-2.0)),
    max("a largest value, +inf", [1.0, INF, -4.0]).gives(of(INFINITE)),
    max("a largest value, -inf", [NEG; 3]).gives(of(-INFINITE)),
    max("a largest value, NaN", [1.0, INF, NAN]).gives(of(NONE)),
    max("a largest value, NaN first", [NAN, 1.0, 2.0]).gives(of(NONE)),
    max("a largest value beside +inf of weight 0", [1.0, INF, 2.0])
        .weighing([1.0, 0.0, 3.0])
        .gives(of(2.0)),
    max("a largest value beside NaN of weight 0", [1.0, NAN, 2.0])
        .weighing([1.0, -0.0, 3.0])
        .gives(of(2.0)),
    max("a largest value of a weight below 0", [1.0, 9.0, 2.0])
        .weighing([1.0, -2.0, 3.0])
        .gives(of(9.0)),
    max("a largest value of weight NaN", [1.0, 9.0, 2.0]).weighing([1.0, NAN, 3.0]).gives(of(9.0)),
    max("a largest value of weight +inf", [1.0, 9.0, 2.0]).weighing([1.0, INF, 3.0]).gives(of(9.0)),
    max("a largest value of nothing but weights of 0", [1.0, NAN, 2.0])
        .weighing([0.0; 3])
        .gives(of(-INFINITE)),
    min("a smallest value", [1.0, 2.0, -4.0]).gives(of(-4.0)),
    min("a smallest weighted value", [1.0, -9.0, 2.0]).weighing([1.0, 0.0, 3.0]).gives(of(1.0)),
    min("a smallest value, -inf", [1.0, NEG, -4.0]).gives(of(-INFINITE)),
    min("a smallest value, +inf", [INF; 3]).gives(of(INFINITE)),
    min("a smallest value, NaN", [1.0, NEG, NAN]).gives(of(NONE)),
    min("a smallest value beside -inf of weight 0", [1.0, NEG, 2.0])
        .weighing([1.0, 0.0, 3.0])
        .gives(of(1.0)),
    min("a smallest value of a weight below 0", [1.0, -9.0, 2.0])
        .weighing([1.0, -2.0, 3.0])
        .gives(of(-9.0)),
    min("a smallest value of nothing but weights of 0", [1.0, NAN, 2.0])
        .weighing([0.0; 3])
        .gives(of(INFINITE)),
];
