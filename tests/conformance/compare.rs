//! Outputs against expectations, as FORMAT.md says.

use serde_json::Value;

use super::suite::number;

/// `|found - expected| <= atol + rtol |expected|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub rtol: f64,
    pub atol: f64,
}

impl Tolerance {
    /// `{rtol, atol}`, either of which may be left out, or `{decimal}`: `1.5 * 10^-decimal`.
    pub fn of(value: &Value) -> Option<Self> {
        value.as_object().filter(|fields| !fields.is_empty())?;
        let rtol = number(&value["rtol"]).unwrap_or(0.0);
        let decimal = value["decimal"].as_i64().map(|digits| 1.5 * 10f64.powi(-digits as i32));
        let atol = decimal.or_else(|| number(&value["atol"])).unwrap_or(0.0);
        Some(Self { rtol, atol })
    }

    /// Whether a number may be found: after rounding the expected one to `f32`, NaN matches NaN, an
    /// infinity only itself.
    pub fn allows(self, found: f64, expected: f64) -> bool {
        let expected = rounded(expected);
        let exact = found == expected || (found.is_nan() && expected.is_nan());
        exact
            || (found - expected).abs() <= self.atol + self.rtol * expected.abs()
                && expected.is_finite()
    }
}

/// As `f32`, beyond whose range lies infinity.
pub fn rounded(expected: f64) -> f64 {
    (expected as f32).into()
}

/// The first difference and the number of them, for people; `None` where there is none.
/// `ambiguous` marks elements that may be anything.
pub fn difference(
    found: &[f64],
    expected: &[f64],
    tolerances: &[Tolerance],
    ambiguous: Option<&[f64]>,
    columns: usize,
) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} values, expected {}", found.len(), expected.len()));
    }
    let is_ambiguous = |index| ambiguous.is_some_and(|mask: &[f64]| mask.get(index) == Some(&1.0));
    let differs = |&index: &usize| {
        let (found, expected) = (found[index], expected[index]);
        !is_ambiguous(index) && !tolerances.iter().any(|each| each.allows(found, expected))
    };
    let differing: Vec<_> = (0..found.len()).filter(differs).collect();
    let first = *differing.first()?;
    let place = match columns {
        1 => format!("[{first}]"),
        _ => format!("[{}, {}]", first / columns, first % columns),
    };
    Some(format!(
        "{} of {} differ, first {place}: got {:e}, expected {:e} ({tolerances:?})",
        differing.len(),
        found.len(),
        found[first],
        rounded(expected[first]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_those_of_the_format() {
        let of = |text: &str| Tolerance::of(&serde_json::from_str(text).expect("JSON"));
        let tolerance = of(r#"{"rtol": 0.1, "atol": 0.5}"#).expect("a tolerance");
        assert!(tolerance.allows(11.5, 10.0) && !tolerance.allows(11.6, 10.0));
        assert!(tolerance.allows(f64::NAN, f64::NAN) && !tolerance.allows(1.0, f64::NAN));
        assert!(!tolerance.allows(f64::NAN, 1.0));
        let infinity = f64::INFINITY;
        assert!(tolerance.allows(infinity, 1e39) && !tolerance.allows(-infinity, infinity));
        assert!(!tolerance.allows(1e38, infinity) && !tolerance.allows(infinity, 1.0));
        assert!(of(r#"{"decimal": 3}"#).expect("a tolerance").allows(1.0014, 1.0));
        assert!(of("{}").is_none() && of("null").is_none());
    }

    #[test]
    fn differences_name_their_place() {
        let tolerance = [Tolerance { rtol: 0.0, atol: 0.1 }];
        let found = [1.0, 2.0, 3.0, 4.0];
        assert!(difference(&found, &found, &tolerance, None, 2).is_none());
        let text = difference(&found, &[1.0, 2.0, 9.0, 9.0], &tolerance, None, 2);
        assert!(text.is_some_and(|text| text.starts_with("2 of 4 differ, first [1, 0]: got 3e0")));
        let mask = [0.0, 0.0, 1.0, 1.0];
        assert!(difference(&found, &[1.0, 2.0, 9.0, 9.0], &tolerance, Some(&mask), 2).is_none());
        assert!(difference(&found, &[1.0], &tolerance, None, 1).is_some());
    }
}
