//! The .safetensors format, read where it lies.

use safetensors::tensor::{Dtype as Stored, Metadata};

use super::tensor::{Dtype, Tensor};

/// The format's own limit.
const LONGEST_HEADER: usize = 100_000_000;

/// Every tensor in a .safetensors file, in the order of their data.
pub fn parse(bytes: &[u8]) -> Result<Vec<Tensor<'_>>, String> {
    let truncated =
        || "truncated inside the .safetensors header, or no .safetensors file".to_owned();
    let (length, rest) = bytes.split_first_chunk().ok_or_else(truncated)?;
    let length = usize::try_from(u64::from_le_bytes(*length))
        .ok()
        .filter(|length| *length <= LONGEST_HEADER)
        .ok_or("wrong .safetensors header: longer than the format allows")?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let metadata: Metadata = serde_json::from_slice(header)
        .map_err(|error| format!("wrong .safetensors header: {}", one_line(&error)))?;
    if data.len() != metadata.data_len() {
        let what =
            if data.len() < metadata.data_len() { "truncated" } else { "bytes after the data" };
        return Err(format!(
            "{what}: the tensors take {} bytes, the file has {}",
            metadata.data_len(),
            data.len()
        ));
    }
    metadata
        .offset_keys()
        .into_iter()
        .map(|name| {
            let info = metadata.info(&name).ok_or("wrong .safetensors header")?;
            let (start, end) = info.data_offsets;
            Ok(Tensor {
                dtype: match info.dtype {
                    Stored::F32 => Dtype::F32,
                    Stored::I32 => Dtype::I32,
                    Stored::I64 => Dtype::I64,
                    Stored::U8 => Dtype::U8,
                    other => Dtype::Other(format!("{other:?}")),
                },
                shape: info.shape.clone(),
                fortran_order: false,
                bytes: data.get(start..end).ok_or("wrong .safetensors header: offsets")?,
                name: Some(name),
            })
        })
        .collect()
}

fn one_line(error: &impl ToString) -> String {
    error.to_string().escape_debug().to_string()
}

/// What a tensor is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A matrix of `f32`.
    Logits,
    /// A vector of integers.
    Targets,
}

impl Role {
    fn default_name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Targets => "targets",
        }
    }

    fn fits(self, tensor: &Tensor<'_>) -> bool {
        match self {
            Self::Logits => tensor.dtype == Dtype::F32 && tensor.shape.len() == 2,
            Self::Targets => tensor.dtype.is_target() && tensor.shape.len() == 1,
        }
    }
}

/// The tensor that was named, else the one with the usual name, else the only one that fits.
pub fn select<'t, 'a>(
    tensors: &'t [Tensor<'a>],
    role: Role,
    wanted: Option<&str>,
) -> Result<&'t Tensor<'a>, String> {
    let named = |name: &str| tensors.iter().find(|tensor| tensor.name.as_deref() == Some(name));
    let usual = role.default_name();
    if let Some(tensor) = named(wanted.unwrap_or(usual)) {
        return Ok(tensor);
    }
    let listed = listing(tensors);
    if let Some(name) = wanted {
        return Err(format!("no tensor `{name}`; {listed}"));
    }
    let mut candidates = tensors.iter().filter(|tensor| role.fits(tensor));
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(format!("no tensor `{usual}` and none that could be it; {listed}")),
        _ => Err(format!(
            "no tensor `{usual}` and several that could be it, choose by --{usual}; {listed}"
        )),
    }
}

/// The first tensors of the file, so that the message stays a line.
fn listing(tensors: &[Tensor<'_>]) -> String {
    const SHOWN: usize = 8;
    if tensors.is_empty() {
        return "the file has none".to_owned();
    }
    let mut names: Vec<_> = tensors
        .iter()
        .take(SHOWN)
        .map(|tensor| tensor.to_string().escape_debug().to_string())
        .collect();
    if tensors.len() > SHOWN {
        names.push(format!("{} more", tensors.len() - SHOWN));
    }
    format!("the file has {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    const PAIR: &str = r#"{"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"y":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}"#;

    #[test]
    fn the_only_candidate_is_taken() {
        let bytes = file(PAIR, &[0; 9]);
        let tensors = parse(&bytes).expect("a valid file");
        let name = |role, wanted| select(&tensors, role, wanted).map(|tensor| tensor.name.clone());
        assert_eq!(name(Role::Logits, None), Ok(Some("x".to_owned())));
        assert_eq!(name(Role::Targets, None), Ok(Some("y".to_owned())));
        let message = name(Role::Targets, Some("z")).expect_err("there is no z");
        assert_eq!(message, "no tensor `z`; the file has `x` F32 [1, 2], `y` U8 [1]");
    }

    #[test]
    fn every_prefix_is_refused() {
        let whole = file(PAIR, &[0; 9]);
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let mut overflow = Vec::from(*b"{");
        let part = usize::MAX / 8;
        for index in 0..9 {
            let (start, end) = (part.wrapping_mul(index), part.wrapping_mul(index + 1));
            let comma = if index > 0 { "," } else { "" };
            overflow.extend(
                format!(r#"{comma}"{index}":{{"dtype":"U8","shape":[{part}],"data_offsets":[{start},{end}]}}"#)
                    .bytes(),
            );
        }
        overflow.push(b'}');
        let overflow = String::from_utf8_lossy(&overflow).into_owned();
        for header in [
            overflow.as_str(),
            "",
            "{",
            "[]",
            r#"{"x":{"dtype":"F32","shape":[1,2],"data_offsets":[8,0]}}"#,
            r#"{"x":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}}"#,
            r#"{"x":{"dtype":"F33","shape":[1,2],"data_offsets":[0,8]}}"#,
        ] {
            let bytes = file(header, &[0; 8]);
            assert!(parse(&bytes).is_err(), "{header}");
        }
        assert!(parse(&[0xff; 64]).is_err());
    }
}
