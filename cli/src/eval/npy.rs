//! The .npy format (NumPy enhancement proposal 1), read where it lies. The header is parsed here,
//! with every length checked: general parsers of it overflow on hostile shapes.

use super::dtype::Dtype;
use super::tensor::{self, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether the bytes start as a .npy file does.
pub fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The array in a .npy file.
pub fn parse(bytes: &[u8]) -> Result<Tensor<'_>, String> {
    let (tensor, start) = parse_header(bytes)?;
    Tensor { bytes: &bytes[start..], ..tensor }.checked()
}

/// The array in a .npy file of which at least the header is there, without its elements; and where
/// they begin.
pub fn parse_header(bytes: &[u8]) -> Result<(Tensor<'static>, usize), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("not a .npy file: wrong magic string")?;
    let truncated = || "truncated inside the .npy header".to_owned();
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
    let (length, rest) = match version {
        [1, _] => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        [2 | 3, _] => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
            (usize::try_from(u32::from_le_bytes(*length)).map_err(|_| truncated())?, rest)
        }
        [major, minor] => return Err(format!("unsupported .npy version {major}.{minor}")),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let header = std::str::from_utf8(header).map_err(|_| "the .npy header is not text")?;
    let Header { descr, fortran_order, shape } =
        Header::parse(header).map_err(|message| format!("wrong .npy header: {message}"))?;
    let (dtype, big_endian) = Dtype::of_numpy(&descr);
    tensor::length(&shape, dtype.size().unwrap_or(1))?;
    let tensor = Tensor { name: None, dtype, shape, fortran_order, big_endian, bytes: &[] };
    Ok((tensor, bytes.len() - data.len()))
}

struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(text: &str) -> Result<Self, String> {
        let mut cursor = Cursor { rest: text };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        cursor.expect('{')?;
        while !cursor.take('}') {
            let key = cursor.string()?;
            cursor.expect(':')?;
            match key {
                "descr" => descr = Some(cursor.descr()?),
                "fortran_order" => fortran_order = Some(cursor.boolean()?),
                "shape" => shape = Some(cursor.shape()?),
                other => return Err(format!("unknown key `{}`", other.escape_debug())),
            }
            if !cursor.take(',') {
                cursor.expect('}')?;
                break;
            }
        }
        if !cursor.rest.trim().is_empty() {
            return Err("text after the closing brace".to_owned());
        }
        Ok(Self {
            descr: descr.ok_or("`descr` is missing")?,
            fortran_order: fortran_order.ok_or("`fortran_order` is missing")?,
            shape: shape.ok_or("`shape` is missing")?,
        })
    }
}

/// The part of the header not yet read.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, symbol: char) -> bool {
        let rest = self.rest.trim_start();
        self.rest = rest.strip_prefix(symbol).unwrap_or(rest);
        self.rest.len() < rest.len()
    }

    fn expect(&mut self, symbol: char) -> Result<(), String> {
        if self.take(symbol) { Ok(()) } else { Err(format!("expected `{symbol}`")) }
    }

    /// A quoted string; NumPy writes none with escapes in a header of plain arrays.
    fn string(&mut self) -> Result<&'a str, String> {
        let rest = self.rest.trim_start();
        let quote =
            rest.chars().next().filter(|c| matches!(c, '\'' | '"')).ok_or("expected a string")?;
        let (string, rest) = rest[1..].split_once(quote).ok_or("a string has no end")?;
        self.rest = rest;
        Ok(string)
    }

    fn descr(&mut self) -> Result<String, String> {
        if self.rest.trim_start().starts_with(['[', '(', '{']) {
            return Err("structured types are not supported".to_owned());
        }
        Ok(self.string()?.escape_debug().to_string())
    }

    fn boolean(&mut self) -> Result<bool, String> {
        let rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err("`fortran_order` is neither True nor False".to_owned())
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let rest = self.rest.trim_start();
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, rest) = rest.split_at(digits);
            shape.push(number.parse().map_err(|_| "`shape` is no tuple of lengths")?);
            // Python 2 wrote long integers as `3L`.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn message(header: &str, data: &[u8]) -> String {
        parse(&file(header, data))
            .map(|tensor| tensor.to_string())
            .unwrap_or_else(|message| message)
    }

    #[test]
    fn reads_what_numpy_writes() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }          \n";
        let bytes = file(header, &[0; 8]);
        let tensor = parse(&bytes).expect("a valid file");
        assert_eq!((tensor.dtype, tensor.shape, tensor.bytes.len()), (Dtype::F32, vec![2, 1], 8));
        assert_eq!(
            message("{'descr': '|u1', 'fortran_order': True, 'shape': (3,), }", &[0; 3]),
            "u8 [3]"
        );
        assert_eq!(
            message("{'shape': (3L,), 'fortran_order': False, 'descr': '<i8'}", &[0; 24]),
            "i64 [3]"
        );
        assert_eq!(
            message("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", &[0; 8]),
            "f64 []"
        );
    }

    #[test]
    fn every_prefix_is_refused() {
        let whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n", &[0; 8]);
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let cases = [
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 9999999999999), }",
                "too large",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
                "no tuple",
            ),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }", "no tuple"),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3) } x",
                "after the closing brace",
            ),
            ("{'descr': '<f4', 'fortran_order': False, }", "`shape` is missing"),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "structured"),
            ("{'descr': '<f4", "no end"),
            ("", "expected `{`"),
            ("((((((((((", "expected `{`"),
            ("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,), }", "neither True nor False"),
        ];
        for (header, part) in cases {
            let found = message(header, &[]);
            assert!(found.contains(part), "{header}: {found}");
        }
    }
}
