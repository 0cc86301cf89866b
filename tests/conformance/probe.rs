//! Outputs that a case gives in part: the probes of FORMAT.md, taken from a full output.

use std::collections::BTreeMap;

use super::call::Outputs;
use super::tensor::Tensor;

const INDEX: &str = "_probe_idx";

/// The output of this name: in full, or what the case's probes leave of it. `columns` is the number
/// of classes.
pub fn output(
    name: &str,
    outputs: &Outputs,
    expected: &BTreeMap<String, Tensor>,
    columns: usize,
) -> Result<Vec<f64>, String> {
    let full = |name: &str| outputs.get(name).map(Vec::as_slice);
    if let Some(values) = full(name) {
        return Ok(values.to_vec());
    }
    let indices = |base: &str| expected.get(&format!("{base}{INDEX}"));
    let rows = || indices("row").ok_or_else(|| format!("{name} without row{INDEX}"));
    if let Some((base, values)) =
        name.strip_suffix("_probe").and_then(|base| Some((base, full(base)?)))
    {
        return match indices(base) {
            Some(indices) => elements(values, indices, columns),
            None => whole_rows(values, rows()?, 1),
        };
    }
    if let Some(values) = name.strip_suffix("_rows_probe").and_then(full) {
        return whole_rows(values, rows()?, columns);
    }
    let sums = |values: &[f64], of: fn(f64) -> f64| {
        values.chunks(columns.max(1)).map(|row| row.iter().map(|&x| of(x)).sum()).collect()
    };
    if let Some(values) = name.strip_suffix("_row_abs_sum").and_then(full) {
        return Ok(sums(values, f64::abs));
    }
    if let Some(values) = name.strip_suffix("_row_sum").and_then(full) {
        return Ok(sums(values, |x| x));
    }
    let gradient = outputs.iter().find(|(name, _)| name.starts_with("grad_"));
    match (name, gradient) {
        ("grad_abs_sum", Some((_, values))) => Ok(vec![values.iter().map(|x| x.abs()).sum()]),
        _ => Err(format!("{name}: no output of this name")),
    }
}

/// Whether a name is that of the indices of a probe, not of an output.
pub fn is_index(name: &str) -> bool {
    name.ends_with(INDEX)
}

/// Elements of a row-major matrix: for each row, at the columns that its row of indices lists.
fn elements(values: &[f64], indices: &Tensor, columns: usize) -> Result<Vec<f64>, String> {
    let (rows, probes) = indices.matrix()?;
    let indices = indices.clone().into_i64()?;
    let element = |(place, &column): (usize, &i64)| {
        let column = usize::try_from(column).ok().filter(|&column| column < columns);
        values.get(place / probes * columns + column?).copied()
    };
    let found: Option<Vec<_>> = indices.iter().enumerate().map(element).collect();
    found.ok_or_else(|| format!("a probe of {rows} rows beyond the {columns} columns"))
}

/// The listed rows of a row-major matrix.
fn whole_rows(values: &[f64], indices: &Tensor, columns: usize) -> Result<Vec<f64>, String> {
    let row = |&row: &i64| {
        let start = usize::try_from(row).ok()?.checked_mul(columns)?;
        values.get(start..start.checked_add(columns)?)
    };
    let indices = indices.clone().into_i64()?;
    let found: Option<Vec<_>> = indices.iter().map(row).collect();
    Ok(found.ok_or_else(|| "a probe beyond the last row".to_owned())?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Data;

    #[test]
    fn probes_are_parts_of_the_full_output() {
        let gradient = vec![1.0, -2.0, 3.0, 4.0, 5.0, -6.0];
        let outputs = Outputs::from([("grad_logits", gradient), ("loss_rows", vec![7.0, 8.0])]);
        let index = |shape: &[usize], values: &[i64]| Tensor {
            shape: shape.to_vec(),
            data: Data::I64(values.to_vec()),
        };
        let expected = BTreeMap::from([
            ("grad_logits_probe_idx".to_owned(), index(&[2, 2], &[2, 0, 1, 1])),
            ("row_probe_idx".to_owned(), index(&[1], &[1])),
        ]);
        for (name, values) in [
            ("grad_logits_probe", &[3.0, 1.0, 5.0, 5.0][..]),
            ("grad_logits_row_sum", &[2.0, 3.0]),
            ("grad_logits_row_abs_sum", &[6.0, 15.0]),
            ("grad_logits_rows_probe", &[4.0, 5.0, -6.0]),
            ("loss_rows_probe", &[8.0]),
            ("grad_abs_sum", &[21.0]),
        ] {
            assert_eq!(output(name, &outputs, &expected, 3).as_deref(), Ok(values), "{name}");
        }
        assert!(output("entropy", &outputs, &expected, 3).is_err());
    }
}
