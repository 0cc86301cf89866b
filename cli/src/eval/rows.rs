//! Values of each row: in JSON, in files, and for people.

use std::fmt;

use serde::{Serialize, Serializer};
use wgpu_loss::Values;

use super::write::{Array, Elements};
use crate::failure::Result;
use crate::output::{Number, Output};

/// A value for each row.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Numbers.
    Numbers(&'a [f32]),
    /// Classes.
    Classes(&'a [u32]),
    /// Places of classes in an order, from 0 on.
    Ranks(&'a [u32]),
}

impl<'a> Rows<'a> {
    /// As an array of a file.
    pub fn array(self, name: &'static str, dimensions: &[usize]) -> Array<'a> {
        let elements = match self {
            Self::Numbers(values) => Elements::Floats(Values::F32(values)),
            Self::Classes(integers) | Self::Ranks(integers) => Elements::Integers(integers),
        };
        Array { name, shape: dimensions.to_vec(), elements }
    }

    /// As a line for people.
    pub fn print(self, name: &str, out: &mut Output) -> Result<()> {
        match self {
            Self::Numbers([]) | Self::Classes([]) | Self::Ranks([]) => out.field(name, "no rows"),
            Self::Numbers(values) => {
                // In double precision, as a check by eye only.
                let sum: f64 = values.iter().copied().map(f64::from).sum();
                let mean = sum / values.len() as f64;
                let range = Range::of(values.iter().copied());
                out.field(name, format_args!("{range}, mean {mean:.6}"))
            }
            Self::Classes(classes) => {
                let (least, most) = range(classes);
                out.field(name, format_args!("classes {least} to {most}"))
            }
            Self::Ranks(ranks) => {
                let (least, most) = range(ranks);
                out.field(name, format_args!("{least} to {most}"))
            }
        }
    }
}

/// The least and the most; 0 and 0 of nothing.
fn range(integers: &[u32]) -> (u32, u32) {
    let ends = integers.iter().min().zip(integers.iter().max());
    ends.map_or((0, 0), |(&least, &most)| (least, most))
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Numbers(values) => {
                serializer.collect_seq(values.iter().copied().map(Number::single))
            }
            Self::Classes(integers) | Self::Ranks(integers) => serializer.collect_seq(*integers),
        }
    }
}

/// The smallest and the largest of some numbers, and how many are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest and the largest; `None` where there are only NaNs, or no numbers.
    pub ends: Option<(f32, f32)>,
    /// How many are NaN.
    pub nan: usize,
}

impl Range {
    /// Of these numbers.
    pub fn of(values: impl Iterator<Item = f32>) -> Self {
        let mut range = Self { ends: None, nan: 0 };
        for value in values {
            if value.is_nan() {
                range.nan += 1;
            } else {
                let (least, most) = range.ends.unwrap_or((value, value));
                range.ends = Some((least.min(value), most.max(value)));
            }
        }
        range
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ends, self.nan) {
            (None, 0) => write!(f, "none"),
            (None, nan) => write!(f, "{nan} NaN"),
            (Some((least, most)), 0) => write!(f, "{least} to {most}"),
            (Some((least, most)), nan) => write!(f, "{least} to {most} beside {nan} NaN"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn ranges_count_what_is_no_number() {
        let text = |values: &[f32]| Range::of(values.iter().copied()).to_string();
        assert_eq!(text(&[1.0, f32::NAN, -2.0]), "-2 to 1 beside 1 NaN");
        assert_eq!(text(&[f32::INFINITY]), "inf to inf");
        assert_eq!(text(&[f32::NAN, f32::NAN]), "2 NaN");
        assert_eq!(text(&[]), "none");
    }
}
