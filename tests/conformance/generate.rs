//! Tensors that a manifest describes instead of storing them: the generators of FORMAT.md.

use serde_json::Value;

use super::suite::number;
use super::tensor::{Data, Tensor};

/// Element `index` of splitmix64 from a seed.
fn splitmix64(seed: u64, index: u64) -> u64 {
    let z = seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn uniform(random: u64, lo: f64, hi: f64) -> f32 {
    let unit = (random >> 40) as f64 * 2f64.powi(-24);
    (lo + (hi - lo) * unit) as f32
}

/// The sum of four 16-bit fields: about normal.
fn irwin_hall_4(random: u64, scale: f64, shift: f64) -> f32 {
    let field = |index: u32| (random >> (16 * index)) & 0xffff;
    let sum: u64 = (0..4).map(field).sum();
    ((sum as f64 - 131_070.0) * (scale / 37_837.0) + shift) as f32
}

/// The tensor of a `{"gen": spec}`.
pub fn generate(spec: &Value) -> Result<Tensor, String> {
    let wrong = |what: &str| format!("generator without {what}: {spec}");
    let number = |name: &str| number(&spec[name]).ok_or_else(|| wrong(name));
    let shape = spec["shape"].as_array().ok_or_else(|| wrong("shape"))?.iter();
    let shape = shape.map(|size| size.as_u64().map(|size| size as usize));
    let shape: Vec<usize> = shape.collect::<Option<_>>().ok_or_else(|| wrong("shape"))?;
    let count = shape.iter().product::<usize>() as u64;
    let kind = spec["kind"].as_str().ok_or_else(|| wrong("kind"))?;
    if kind == "const_plus" {
        let data = Data::F32(const_plus(spec, &shape, number("fill")? as f32)?);
        return Ok(Tensor { shape, data });
    }
    let seed = spec["seed"].as_u64().ok_or_else(|| wrong("seed"))?;
    let random = (0..count).map(|index| splitmix64(seed, index));
    let data = match kind {
        "uniform" => {
            let (lo, hi) = (number("lo")?, number("hi")?);
            Data::F32(random.map(|random| uniform(random, lo, hi)).collect())
        }
        "ih4" => {
            let (scale, shift) = (number("scale")?, number("shift")?);
            Data::F32(random.map(|random| irwin_hall_4(random, scale, shift)).collect())
        }
        "label" => {
            let n = spec["n"].as_u64().filter(|&n| n > 0).ok_or_else(|| wrong("n"))?;
            Data::I64(random.map(|random| (random % n) as i64).collect())
        }
        other => return Err(format!("generator {other:?}, which FORMAT.md does not have")),
    };
    Ok(Tensor { shape, data })
}

/// One value everywhere but in the elements listed as `[row, column, value]`.
fn const_plus(spec: &Value, shape: &[usize], fill: f32) -> Result<Vec<f32>, String> {
    let wrong = || format!("generator with a wrong list of exceptions: {spec}");
    let &[rows, columns] = shape else { return Err(wrong()) };
    let mut values = vec![fill; rows * columns];
    for exception in spec["set"].as_array().ok_or_else(wrong)? {
        let index = |axis: usize| exception[axis].as_u64().map(|index| index as usize);
        let (row, column) = index(0).zip(index(1)).ok_or_else(wrong)?;
        let value = number(&exception[2]).ok_or_else(wrong)?;
        let place = (row < rows && column < columns).then_some(row * columns + column);
        values[place.ok_or_else(wrong)?] = value as f32;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(spec: &Value) -> Vec<f32> {
        generate(spec).and_then(Tensor::into_f32).expect("a good generator")
    }

    /// Against the values that the format's own loader gives.
    #[test]
    fn generators_give_the_values_of_the_reference() {
        let spec = |rest: Value| {
            let mut spec = serde_json::json!({"shape": [2, 2], "seed": 7});
            let rest = rest.as_object().expect("fields").clone();
            spec.as_object_mut().expect("fields").extend(rest);
            spec
        };
        let uniform = spec(serde_json::json!({"kind": "uniform", "lo": -1.5, "hi": 2.5}));
        assert_eq!(floats(&uniform), UNIFORM);
        let normal = spec(serde_json::json!({"kind": "ih4", "scale": 3.0, "shift": 0.25}));
        assert_eq!(floats(&normal), NORMAL);
        let labels = generate(&spec(serde_json::json!({"kind": "label", "n": 1000})));
        assert_eq!(labels.and_then(Tensor::into_i64).expect("labels"), LABELS);
        let constant = serde_json::json!({"fill": 0.5, "set": [[1, 0, -3.0]]});
        let mut constant = spec(constant);
        constant["kind"] = "const_plus".into();
        assert_eq!(floats(&constant), [0.5, 0.5, -3.0, 0.5]);
    }

    const UNIFORM: [f32; 4] = [0.05931878, -1.432847, 2.1030426, 0.83172107];
    const NORMAL: [f32; 4] = [-1.4402503, -1.7901459, 0.48952743, 0.6094101];
    const LABELS: [i64; 4] = [487, 804, 346, 203];
}
