//! The logits of one file, or of several as one batch: those after the first continue the first
//! dimension.

use std::path::{Path, PathBuf};

use wgpu_loss::{Element, Logits};

use super::layout::{Layout, Matrix};
use super::source::Source;
use crate::arguments::CommonOptions;
use crate::failure::{Failure, Result};

/// Opens the files of a batch.
pub fn open(first: &Path, others: &[PathBuf]) -> Result<Vec<Source>> {
    let first = Source::open(first, "LOGITS")?;
    let mut sources = vec![first];
    for other in others {
        let other = sources[0].open_beside(other, "--and")?;
        sources.push(other);
    }
    Ok(sources)
}

/// The logits of a batch.
pub struct Parts<'a> {
    /// Those of each file, in order.
    pub matrices: Vec<Matrix<'a>>,
    /// Of all of them.
    pub layout: Layout,
}

impl<'a> Parts<'a> {
    /// Reads at least one file; refuses those that don't continue the first.
    pub fn read(sources: &'a [Source], options: &CommonOptions) -> Result<Self> {
        let read = sources.iter().map(|source| source.logits(options));
        let matrices = read.collect::<Result<Vec<_>>>()?;
        let Some(first) = matrices.first() else {
            return Err(Failure::Usage("expected a file of logits, found none".to_owned()));
        };
        let mut dimensions = first.layout.dimensions.clone();
        for (source, matrix) in sources.iter().zip(&matrices).skip(1) {
            check(&first.layout, &matrix.layout).map_err(|message| source.fail(message))?;
            dimensions[0] = dimensions[0]
                .checked_add(matrix.layout.dimensions[0])
                .ok_or_else(|| source.fail("logits: too many rows in all".to_owned()))?;
        }
        let (axis, element) = (first.layout.class_axis as i64, first.layout.shape.element);
        let layout = Layout::new(&dimensions, axis, element).map_err(Failure::Usage)?;
        Ok(Self { matrices, layout })
    }

    /// As the library has them.
    pub fn logits(&self) -> wgpu_loss::Result<Vec<Logits<'_>>> {
        self.matrices.iter().map(Matrix::logits).collect()
    }

    /// The element type of all of them.
    pub fn element(&self) -> Element {
        self.layout.shape.element
    }

    /// What one value of this type for each logit takes.
    pub fn bytes_of(&self, element: Element) -> usize {
        self.matrices.iter().map(|it| it.floats.values().len() * element.bytes()).sum()
    }
}

fn check(first: &Layout, other: &Layout) -> std::result::Result<(), String> {
    if first.class_axis == 0 {
        let axes = first.dimensions.len();
        return Err(format!(
            "logits: files continue one another along the first dimension; expected the classes in \
             another, found class axis 0 of {axes}"
        ));
    }
    let (expected, found) = (first.shape.element, other.shape.element);
    if expected != found {
        let (expected, found) = (expected.name(), found.name());
        return Err(format!("logits: expected {expected} as in the first file, found {found}"));
    }
    let (expected, found) = (&first.dimensions[1..], &other.dimensions);
    if found.get(1..) != Some(expected) {
        return Err(format!(
            "logits: expected {expected:?} after the first dimension, as in the first file, found \
             {found:?}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(dimensions: &[usize], axis: i64, element: Element) -> Layout {
        Layout::new(dimensions, axis, element).expect("a layout")
    }

    #[test]
    fn files_continue_the_first_dimension() {
        let first = layout(&[2, 5, 3], 1, Element::F16);
        assert_eq!(check(&first, &layout(&[7, 5, 3], 1, Element::F16)), Ok(()));
        for (other, words) in [
            (layout(&[2, 5, 4], 1, Element::F16), "expected [5, 3]"),
            (layout(&[2, 5], 1, Element::F16), "found [2, 5]"),
            (layout(&[2, 5, 3], 1, Element::F32), "expected f16"),
        ] {
            let message = check(&first, &other).expect_err(words);
            assert!(message.contains(words), "{message}");
        }
        let across = layout(&[2, 5], 0, Element::F32);
        let message = check(&across, &across).expect_err("classes first");
        assert!(message.contains("class axis 0"), "{message}");
    }
}
