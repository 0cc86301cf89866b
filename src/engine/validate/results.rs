//! What is refused of memory for results.

use crate::element::{Element, Float};
use crate::error::{Error, Result};
use crate::logits::Shape;

/// What refusals call the length and the type of a gradient in the caller's memory.
pub(crate) const GRADIENT: (&str, &str) = ("length of the gradient", "gradient's element type");

/// The same of other results.
#[cfg(all(feature = "runtime", not(target_arch = "wasm32")))]
pub(crate) const RESULTS: (&str, &str) = ("length of the results", "results' element type");

/// Refuses memory for results of another length than the logits have elements, or of another type
/// than the options ask for.
pub(crate) fn results<G: Float>(
    operation: &'static str,
    what: (&'static str, &'static str),
    element: Option<Element>,
    logits: Shape,
    length: usize,
) -> Result<()> {
    results_element::<G>(operation, what, element)?;
    let Shape { rows, classes, .. } = logits;
    let expected = logits.elements().unwrap_or(usize::MAX);
    if length != expected {
        let expected = format!("{expected} elements for {rows} rows of {classes} classes");
        return Err(Error::invalid(operation, what.0, expected, length));
    }
    Ok(())
}

/// Refuses options that ask for another element type than there is.
pub(crate) fn results_element<G: Float>(
    operation: &'static str,
    what: (&'static str, &'static str),
    element: Option<Element>,
) -> Result<()> {
    match element.filter(|&element| element != G::ELEMENT) {
        Some(element) => {
            let (expected, found) = (G::ELEMENT.name(), element.name());
            Err(Error::invalid(operation, what.1, expected, found))
        }
        None => Ok(()),
    }
}
