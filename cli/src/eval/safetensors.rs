//! The .safetensors format, read where it lies.

use safetensors::tensor::Metadata;

use super::tensor::Tensor;

/// The format's own limit.
const LONGEST_HEADER: usize = 100_000_000;

/// Whether the bytes start as a .safetensors file does: with the length of a header, and its brace.
pub fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.split_first_chunk().is_some_and(|(length, rest)| {
        u64::from_le_bytes(*length) <= LONGEST_HEADER as u64 && rest.first() == Some(&b'{')
    })
}

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
    let mut names = metadata.offset_keys();
    // Empty tensors share an offset: the order of these is that of their names.
    names.sort_by_cached_key(|name| (metadata.info(name).map(|it| it.data_offsets), name.clone()));
    names
        .into_iter()
        .map(|name| {
            let info = metadata.info(&name).ok_or("wrong .safetensors header")?;
            let (start, end) = info.data_offsets;
            Ok(Tensor {
                dtype: info.dtype.into(),
                shape: info.shape.clone(),
                fortran_order: false,
                big_endian: false,
                bytes: data.get(start..end).ok_or("wrong .safetensors header: offsets")?,
                name: Some(name),
            })
        })
        .collect()
}

fn one_line(error: &impl ToString) -> String {
    error.to_string().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    const PAIR: &str = r#"{"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"y":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}"#;

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
