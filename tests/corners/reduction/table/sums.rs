//! Sums and sums of squares.

use wgpu_loss::Element;

use super::*;

const fn sum(name: &'static str, values: [f32; 3]) -> Row {
    Row::new(Statistic::Sum, name, values)
}

const fn squares(name: &'static str, values: [f32; 3]) -> Row {
    Row::new(Statistic::SumOfSquares, name, values)
}

/// Without weights every value counts once, whatever it is.
const fn plain(value: f64) -> Outcome {
    of(value).dx([1.0; 4])
}

/// `2^70`, whose square is beyond f32.
const TWO_TO_70: f32 = f32::from_bits(0x6280_0000);

pub const ROWS: &[Row] = &[
    sum("a sum", [1.0, 2.0, -4.0]).gives(plain(-1.0)),
    sum("a weighted sum", [1.0, 2.0, -4.0])
        .weighing([0.5, -1.0, 2.0])
        .gives(of(-9.5).dx([0.5, -1.0, 2.0, 0.0]).dw([1.0, 2.0, -4.0, 0.0])),
    sum("a sum of zeros", [0.0, -0.0, 0.0]).gives(plain(0.0)),
    sum("a sum that cancels", [2048.0, 1.0, -2048.0]).gives(plain(1.0)),
    sum("a sum with +inf", [1.0, INF, 2.0]).gives(plain(INFINITE)),
    sum("a sum with +inf twice", [INF, INF, 2.0]).gives(plain(INFINITE)),
    sum("a sum with -inf", [NEG, 1.0, 2.0]).gives(plain(-INFINITE)),
    sum("a sum with both infinities", [1.0, INF, NEG]).gives(plain(NONE)),
    sum("a sum with NaN", [1.0, NAN, 2.0]).gives(plain(NONE)),
    sum("a sum with NaN and +inf", [INF, NAN, 2.0]).gives(plain(NONE)),
    Row { elements: &[Element::F32, Element::Bf16], ..sum("too large a sum", [3e38, 0.0, 3e38]) }
        .gives(plain(INFINITE)),
    far(sum("a sum that leaves f32 on its way", [FAR, FAR, -FAR])).gives(plain(FAR as f64)),
    far(sum("a sum that leaves f32 on its way down", [-FAR, FAR, -FAR])).gives(plain(-FAR as f64)),
    far(sum("too large a sum below 0", [-FAR, 0.0, -FAR])).gives(plain(-INFINITE)),
    // What is left is no less than the digits that a sum keeps of its terms.
    far(sum("a sum of products that leave f32", [FAR, FAR, FAR / 1024.0]))
        .weighing([4.0, -4.0, 0.5])
        .gives(of(FAR as f64 / 2048.0).dx([4.0, -4.0, 0.5, 0.0]).dw([
            FAR as f64,
            FAR as f64,
            FAR as f64 / 1024.0,
            0.0,
        ])),
    sum("a sum of one weight", [1.0, 2.0, -4.0])
        .weighing([2.0; 3])
        .gives(of(-2.0).dx([2.0, 2.0, 2.0, 0.0]).dw([1.0, 2.0, -4.0, 0.0])),
    sum("a sum with +inf of a weight below 0", [INF, 1.0, 1.0])
        .weighing([-2.0, 1.0, 1.0])
        .gives(of(-INFINITE).dx([-2.0, 1.0, 1.0, 0.0]).dw([INFINITE, 1.0, 1.0, 0.0])),
    sum("a sum with +inf twice, of weights of either sign", [INF, INF, 1.0])
        .weighing([-2.0, 1.0, 1.0])
        .gives(of(NONE).dx([-2.0, 1.0, 1.0, 0.0]).dw([INFINITE, INFINITE, 1.0, 0.0])),
    sum("a sum with a value of weight 0", [1.0, 5.0, 2.0])
        .weighing([1.0, 0.0, 3.0])
        .gives(of(7.0).dx([1.0, 0.0, 3.0, 0.0]).dw([1.0, 5.0, 2.0, 0.0])),
    sum("a sum with +inf of weight 0", [1.0, INF, 2.0]).weighing([1.0, 0.0, 3.0]).gives_each(
        of(NONE).dx([1.0, 0.0, 3.0, 0.0]).dw([1.0, INFINITE, 2.0, 0.0]),
        of(7.0).dx([1.0, 0.0, 3.0, 0.0]).dw([1.0, 0.0, 2.0, 0.0]),
    ),
    sum("a sum with -inf of weight -0", [1.0, NEG, 2.0]).weighing([1.0, -0.0, 3.0]).gives_each(
        of(NONE).dx([1.0, 0.0, 3.0, 0.0]).dw([1.0, -INFINITE, 2.0, 0.0]),
        of(7.0).dx([1.0, 0.0, 3.0, 0.0]).dw([1.0, 0.0, 2.0, 0.0]),
    ),
    sum("a sum with NaN of weight 0", [1.0, NAN, 2.0]).weighing([1.0, 0.0, 3.0]).gives_each(
        of(NONE).dx([1.0, 0.0, 3.0, 0.0]).dw([1.0, NONE, 2.0, 0.0]),
        of(7.0).dx([1.0, 0.0, 3.0, 0.0]).dw([1.0, 0.0, 2.0, 0.0]),
    ),
    sum("a sum of nothing but weights of 0", [1.0, 2.0, 3.0])
        .weighing([0.0; 3])
        .gives(of(0.0).dx([0.0; 4]).dw([1.0, 2.0, 3.0, 0.0])),
    sum("a sum of nothing but weights of 0, with NaN", [NAN, 2.0, 3.0])
        .weighing([0.0; 3])
        .gives_each(
            of(NONE).dx([0.0; 4]).dw([NONE, 2.0, 3.0, 0.0]),
            of(0.0).dx([0.0; 4]).dw([0.0, 2.0, 3.0, 0.0]),
        ),
    sum("a sum with a weight of NaN", [1.0, 2.0, 3.0])
        .weighing([1.0, NAN, 1.0])
        .gives(of(NONE).dx([1.0, NONE, 1.0, 0.0]).dw([1.0, 2.0, 3.0, 0.0])),
    sum("a sum with a weight of NaN on 0", [1.0, 0.0, 3.0])
        .weighing([1.0, NAN, 1.0])
        .gives(of(NONE).dx([1.0, NONE, 1.0, 0.0]).dw([1.0, 0.0, 3.0, 0.0])),
    sum("a sum with a weight of +inf", [1.0, 2.0, 3.0])
        .weighing([1.0, INF, 1.0])
        .gives(of(INFINITE).dx([1.0, INFINITE, 1.0, 0.0]).dw([1.0, 2.0, 3.0, 0.0])),
    sum("a sum with a weight of +inf below 0", [1.0, -2.0, 3.0])
        .weighing([1.0, INF, 1.0])
        .gives(of(-INFINITE).dx([1.0, INFINITE, 1.0, 0.0]).dw([1.0, -2.0, 3.0, 0.0])),
    sum("a sum with a weight of +inf on 0", [1.0, 0.0, 3.0])
        .weighing([1.0, INF, 1.0])
        .gives(of(NONE).dx([1.0, INFINITE, 1.0, 0.0]).dw([1.0, 0.0, 3.0, 0.0])),
    sum("a sum with a weight of -inf on -inf", [1.0, NEG, 3.0])
        .weighing([1.0, NEG, 1.0])
        .gives(of(INFINITE).dx([1.0, -INFINITE, 1.0, 0.0]).dw([1.0, -INFINITE, 3.0, 0.0])),
    squares("a sum of squares", [1.0, 2.0, -4.0]).gives(of(21.0)),
    squares("a weighted sum of squares", [1.0, 2.0, -4.0])
        .weighing([0.5, -1.0, 2.0])
        .gives(of(28.5)),
    far(squares("squares that leave f32", [TWO_TO_70, TWO_TO_70 / 65536.0, TWO_TO_70]))
        .weighing([1.0, 0.5, -1.0])
        .gives(of(TWO_TO_70 as f64 * TWO_TO_70 as f64 / 65536.0 / 131072.0)),
    far(squares("too large squares", [FAR, 2.0, 1.0])).gives(of(INFINITE)),
    squares("a sum of squares with +inf", [1.0, INF, -4.0]).gives(of(INFINITE)),
    squares("a sum of squares with both infinities", [1.0, INF, NEG]).gives(of(INFINITE)),
    squares("a sum of squares with NaN", [1.0, INF, NAN]).gives(of(NONE)),
    squares("a sum of squares with -inf of a weight below 0", [1.0, NEG, 2.0])
        .weighing([1.0, -1.0, 1.0])
        .gives(of(-INFINITE)),
    squares("a sum of squares with infinities, of weights of either sign", [INF, NEG, 2.0])
        .weighing([1.0, -1.0, 1.0])
        .gives(of(NONE)),
    squares("a sum of squares with +inf of weight 0", [1.0, INF, 2.0])
        .weighing([1.0, 0.0, 3.0])
        .gives_each(of(NONE), of(13.0)),
    squares("a sum of squares with NaN of weight 0", [1.0, NAN, 2.0])
        .weighing([1.0, 0.0, 3.0])
        .gives_each(of(NONE), of(13.0)),
    squares("a sum of squares with a weight of +inf on 0", [1.0, 0.0, 2.0])
        .weighing([1.0, INF, 3.0])
        .gives(of(NONE)),
    squares("a sum of squares with a weight of NaN", [1.0, 0.0, 2.0])
        .weighing([1.0, NAN, 3.0])
        .gives(of(NONE)),
    squares("a sum of squares of nothing but weights of 0", [1.0, 3.0, 2.0])
        .weighing([0.0; 3])
        .gives(of(0.0)),
];
