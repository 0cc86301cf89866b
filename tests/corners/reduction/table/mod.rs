//! The table of reductions, as data: what is to come of each row was written by hand.

mod exponentials;
mod extremes;
mod means;
mod sums;
mod variances;

use wgpu_loss::{Element, Statistic};

use super::row::{Outcome, Row, number};
use crate::expect::Is;

const INF: f32 = f32::INFINITY;
const NEG: f32 = f32::NEG_INFINITY;
const NAN: f32 = f32::NAN;

/// The same as results.
const INFINITE: f64 = f64::INFINITY;
const NONE: f64 = f64::NAN;

const THIRD: f64 = 1.0 / 3.0;

/// `1.5 * 2^127`: two of it are more than there are numbers for.
const FAR: f32 = f32::from_bits(0x7f40_0000);

/// `2^-100`: a product of two of it is less than there are numbers for.
const NEAR: f32 = f32::from_bits(0x0d80_0000);

/// Of element types that hold such values and weights.
const fn far(row: Row) -> Row {
    Row { elements: &[Element::F32, Element::Bf16], ..row }
}

/// Every row of the table. The first of each statistic, with and without weights, is an ordinary
/// one.
pub fn rows() -> Vec<Row> {
    let tables: [&[Row]; 5] =
        [sums::ROWS, means::ROWS, variances::ROWS, extremes::ROWS, exponentials::ROWS];
    tables.concat()
}

const fn of(value: f64) -> Outcome {
    Outcome::of(number(value))
}
