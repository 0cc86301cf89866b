//! Element types of arrays in files, under one set of names whatever the format calls them.

use std::fmt;

use safetensors::tensor::Dtype as Stored;

/// The type of an array's elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
    /// Double precision.
    F64,
    /// 8-bit integer.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Unsigned byte.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// A byte that is 0 or 1.
    Bool,
    /// Anything else, by a name for people.
    Other(String),
}

impl Dtype {
    /// Bytes of one element; `None` of types that are not read.
    pub fn size(&self) -> Option<usize> {
        Some(match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::Other(_) => return None,
        })
    }

    /// Whether it is a type of floating-point numbers that are read.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::Bf16 | Self::F64)
    }

    /// Whether it is a type of integers, or bool.
    pub fn is_integer(&self) -> bool {
        !self.is_float() && self.size().is_some()
    }

    /// Whether the library takes elements of this type as they are.
    pub fn is_native(&self) -> bool {
        self.is_native_float() || matches!(self, Self::I32 | Self::I64 | Self::U32 | Self::U8)
    }

    /// Whether it is a floating-point type that the library takes as it is.
    pub fn is_native_float(&self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::Bf16)
    }

    /// The type that a NumPy type string names, and whether its elements are big-endian.
    pub fn of_numpy(descr: &str) -> (Self, bool) {
        let (big_endian, code) = match descr.split_at_checked(1) {
            Some((">", code)) => (true, code),
            Some(("<" | "|" | "=", code)) => (false, code),
            _ => (false, descr),
        };
        let dtype = match code {
            "f4" => Self::F32,
            "f2" => Self::F16,
            "f8" => Self::F64,
            // NumPy has no bfloat16: ml_dtypes, JAX and MLX write theirs as two bytes of anything.
            "V2" | "bfloat16" => Self::Bf16,
            "i1" => Self::I8,
            "i2" => Self::I16,
            "i4" => Self::I32,
            "i8" => Self::I64,
            "u1" => Self::U8,
            "u2" => Self::U16,
            "u4" => Self::U32,
            "u8" => Self::U64,
            "b1" => Self::Bool,
            "f1" => Self::Other("f8_e5m2".to_owned()),
            "V1" => Self::Other("a type of 8 bits or fewer without a name (V1)".to_owned()),
            "f12" | "f16" => Self::Other("long double".to_owned()),
            "c8" => Self::Other("c64".to_owned()),
            "c16" => Self::Other("c128".to_owned()),
            "O" => Self::Other("Python objects".to_owned()),
            _ if code.starts_with('U') => Self::Other("text".to_owned()),
            _ if code.starts_with('S') || code.starts_with('a') => {
                Self::Other("byte strings".to_owned())
            }
            _ if code.starts_with('M') => Self::Other("dates".to_owned()),
            _ if code.starts_with('m') => Self::Other("time differences".to_owned()),
            _ => Self::Other(format!("NumPy's {}", descr.escape_debug())),
        };
        (dtype, big_endian)
    }
}

impl From<Stored> for Dtype {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::F32 => Self::F32,
            Stored::F16 => Self::F16,
            Stored::BF16 => Self::Bf16,
            Stored::F64 => Self::F64,
            Stored::I8 => Self::I8,
            Stored::I16 => Self::I16,
            Stored::I32 => Self::I32,
            Stored::I64 => Self::I64,
            Stored::U8 => Self::U8,
            Stored::U16 => Self::U16,
            Stored::U32 => Self::U32,
            Stored::U64 => Self::U64,
            Stored::BOOL => Self::Bool,
            other => Self::Other(format!("{other:?}").to_ascii_lowercase()),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F64 => "f64",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Bool => "bool",
            Self::Other(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_the_same_names() {
        let numpy = |descr| Dtype::of_numpy(descr).0;
        for (descr, stored, name) in [
            ("<f4", Stored::F32, "f32"),
            ("<f2", Stored::F16, "f16"),
            ("<V2", Stored::BF16, "bf16"),
            ("|V2", Stored::BF16, "bf16"),
            (">f8", Stored::F64, "f64"),
            ("|i1", Stored::I8, "i8"),
            ("<i2", Stored::I16, "i16"),
            (">i4", Stored::I32, "i32"),
            ("=i8", Stored::I64, "i64"),
            ("|u1", Stored::U8, "u8"),
            ("<u2", Stored::U16, "u16"),
            ("<u4", Stored::U32, "u32"),
            (">u8", Stored::U64, "u64"),
            ("|b1", Stored::BOOL, "bool"),
            ("<f1", Stored::F8_E5M2, "f8_e5m2"),
            ("<c8", Stored::C64, "c64"),
        ] {
            assert_eq!(numpy(descr), Dtype::from(stored), "{descr}");
            assert_eq!(numpy(descr).to_string(), name);
        }
        assert_eq!(Dtype::of_numpy(">f4"), (Dtype::F32, true));
        assert_eq!(Dtype::of_numpy("|u1"), (Dtype::U8, false));
        assert_eq!(numpy("<U12").to_string(), "text");
        assert_eq!(numpy("").to_string(), "NumPy's ");
    }
}
