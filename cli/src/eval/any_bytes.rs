//! What holds of any bytes that are read as a file: they are refused by a message of one line, or
//! every array in them is as long as its shape says. For the fuzz targets, and their corpus.

use super::layout::Matrix;
use super::tensor::Tensor;
use super::{npy, safetensors};

/// As a .npy file.
pub fn npy(bytes: &[u8]) {
    match npy::parse(bytes) {
        Ok(tensor) => check(&tensor),
        Err(message) => check_message(&message),
    }
}

/// As a .safetensors file.
pub fn safetensors(bytes: &[u8]) {
    match safetensors::parse(bytes) {
        Ok(tensors) => tensors.iter().for_each(check),
        Err(message) => check_message(&message),
    }
}

fn check_message(message: &str) {
    assert!(!message.is_empty() && !message.contains('\n'), "{message:?}");
}

fn check(tensor: &Tensor<'_>) {
    check_message(&tensor.to_string());
    if !tensor.dtype.is_index() && !tensor.dtype.is_float() {
        assert!(tensor.indices().is_none() && tensor.floats().is_none());
        return; // refused, whatever its shape
    }
    let product =
        tensor.shape.iter().try_fold(1, |product: usize, each| product.checked_mul(*each));
    let count = product.expect("a product that was checked");
    if let Some(indices) = tensor.indices() {
        assert_eq!(indices.classes().len(), count);
    }
    let Some(floats) = tensor.floats() else { return };
    assert_eq!(floats.values().len(), count);
    let dimensions = tensor.shape.len().min(4) as i64;
    for axis in -dimensions..=dimensions {
        match Matrix::new(tensor, axis) {
            Ok(matrix) => {
                let logits = match matrix.logits() {
                    Ok(logits) => logits,
                    // Nothing, in more places than can be counted.
                    Err(error) => {
                        assert_eq!(count, 0, "{error}");
                        continue;
                    }
                };
                assert_eq!(logits.rows() * logits.classes(), count);
                // Any number of dimensions, one of which may be 0.
                let rows = matrix.layout.of_rows();
                let product = rows.iter().try_fold(1, |rows: usize, each| rows.checked_mul(*each));
                assert!(product == Some(logits.rows()) || rows.contains(&0));
            }
            Err(message) => check_message(&message),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every file of a corpus, as a fuzz target reads it.
    fn replay(target: &str, check: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        let files = std::fs::read_dir(&folder).expect("a folder of fuzz/corpus");
        let mut count = 0;
        for file in files {
            let path = file.expect("an entry").path();
            println!("{}", path.display()); // shown where it fails
            check(&std::fs::read(path).expect("a file"));
            count += 1;
        }
        assert!(count >= 20, "only {count} files in {}", folder.display());
    }

    #[test]
    fn the_corpus_of_npy_files() {
        replay("npy", super::npy);
    }

    #[test]
    fn the_corpus_of_safetensors_files() {
        replay("safetensors", super::safetensors);
    }
}
