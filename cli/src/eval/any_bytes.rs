//! What holds of any bytes that are read as a file: they are refused by a message of one line, or
//! every array in them is as long as its shape says. For the fuzz targets, and their corpus.

use super::layout::Matrix;
use super::llama::Llama;
use super::npz::Npz;
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

/// As a .npz file.
pub fn npz(bytes: &[u8]) {
    let file = match Npz::parse(bytes) {
        Ok(file) => file,
        Err(message) => return check_message(&message),
    };
    for (at, listed) in file.tensors().iter().enumerate() {
        check_message(&listed.to_string());
        match file.read(bytes, at) {
            Ok(tensor) => check(&tensor),
            Err(message) => check_message(&message),
        }
    }
}

/// As logits that llama.cpp wrote.
pub fn llama(bytes: &[u8]) {
    let file = match Llama::parse(bytes) {
        Ok(file) => file,
        Err(message) => return check_message(&message),
    };
    for at in 0..file.tensors().len() {
        match file.read(bytes, at) {
            Ok(tensor) => check(&tensor),
            Err(message) => check_message(&message),
        }
    }
    let (lowest, clamped) = file.lowest(bytes);
    assert!(clamped <= lowest && lowest <= file.rows() * file.classes);
    let is_clamped =
        |row| (0..file.classes).filter(|class| file.is_clamped(bytes, row, *class)).count();
    assert_eq!((0..file.rows()).map(is_clamped).sum::<usize>(), clamped);
}

fn check_message(message: &str) {
    assert!(!message.is_empty() && !message.contains('\n'), "{message:?}");
}

fn check(tensor: &Tensor<'_>) {
    check_message(&tensor.to_string());
    if tensor.dtype.size().is_none() {
        assert!(tensor.indices().is_err() && tensor.floats().is_err());
        return; // refused, whatever its shape
    }
    let product =
        tensor.shape.iter().try_fold(1, |product: usize, each| product.checked_mul(*each));
    let count = product.expect("a product that was checked");
    match tensor.indices() {
        Ok(indices) => assert_eq!(indices.classes().len(), count),
        Err(message) => check_message(&message),
    }
    match tensor.numbers_counting(&mut 0) {
        Ok(numbers) => assert_eq!(numbers.values().len(), count),
        Err(message) => check_message(&message),
    }
    let Ok(floats) = tensor.floats() else { return };
    assert_eq!(floats.values().len(), count);
    let dimensions = tensor.shape.len().min(4) as i64;
    for axis in -dimensions..=dimensions {
        match Matrix::new(floats.clone(), &tensor.shape, axis) {
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
#[path = "../../../tests/common/corpus.rs"]
mod corpus;

#[cfg(test)]
mod tests {
    use super::corpus::corpus;

    /// Every file of a corpus, as a fuzz target reads it.
    fn replay(target: &str, check: fn(&[u8])) {
        let inputs = corpus(target);
        for (name, bytes) in &inputs {
            println!("{name}"); // shown where it fails
            check(bytes);
        }
        assert!(inputs.len() >= 20, "only {} inputs of {target}", inputs.len());
    }

    #[test]
    fn the_corpus_of_npy_files() {
        replay("npy", super::npy);
    }

    #[test]
    fn the_corpus_of_npz_files() {
        replay("npz", super::npz);
    }

    #[test]
    fn the_corpus_of_llama_cpp_logits() {
        replay("llama", super::llama);
    }

    #[test]
    fn the_corpus_of_safetensors_files() {
        replay("safetensors", super::safetensors);
    }
}
