//! Results by their bits.

use wgpu_loss::OwnedValues;

/// Bits, by which NaN equals itself.
pub(super) fn bits(values: &Option<Vec<f32>>) -> Option<Vec<u32>> {
    values.as_ref().map(|values| values.iter().map(|value| value.to_bits()).collect())
}

pub(super) fn bytes(gradient: &Option<OwnedValues>) -> Option<Vec<u8>> {
    gradient.as_ref().map(|gradient| gradient.values().bytes().to_vec())
}

/// By bits; says where they differ first.
#[track_caller]
pub(super) fn assert_same_columns<const N: usize>(
    found: &[Option<Vec<f32>>; N],
    expected: &[Option<Vec<f32>>; N],
    context: &str,
) {
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (found, expected) = (bits(found), bits(expected));
        if found == expected {
            continue;
        }
        let (found, expected) = (found.unwrap_or_default(), expected.unwrap_or_default());
        assert_eq!(found.len(), expected.len(), "column {index}, {context}");
        let at = found.iter().zip(&expected).position(|(found, expected)| found != expected);
        let at = at.unwrap_or_default();
        panic!("column {index} at {at}: {:x}, not {:x}: {context}", found[at], expected[at]);
    }
}

/// By bits.
#[track_caller]
pub(super) fn assert_same_matrix(
    found: &Option<OwnedValues>,
    expected: &Option<OwnedValues>,
    context: &str,
) {
    let (found, expected) = (bytes(found), bytes(expected));
    if found != expected {
        let (found, expected) = (found.unwrap_or_default(), expected.unwrap_or_default());
        assert_eq!(found.len(), expected.len(), "{context}");
        let at = found.iter().zip(&expected).position(|(found, expected)| found != expected);
        let four = at.unwrap_or_default() / 4 * 4;
        let word = four..four + 4;
        panic!("byte {at:?}: {:x?}, not {:x?}: {context}", &found[word.clone()], &expected[word]);
    }
}
