//! Digests of what an engine returned.

use std::fmt::{self, Write as _};

/// A digest of results: the same wherever every number of them is the same to the last bit. A NaN is
/// a NaN, whatever its sign and payload, which nothing promises.
///
/// It is the 64-bit FNV-1a hash of the results as Rust's `Debug` writes them, each number with as many
/// digits as tell it from its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Default for Digest {
    /// That of nothing.
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// The digest of a result.
    pub fn of(result: &impl fmt::Debug) -> Self {
        let mut digest = Self::default();
        digest.add(result);
        digest
    }

    /// Goes on with another result.
    pub fn add(&mut self, result: &impl fmt::Debug) {
        // Writing to a digest never fails.
        let _ = write!(self, "{result:?};");
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        Ok(())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published values of the hash.
    #[test]
    fn it_is_the_hash_that_it_says() {
        let of = |text: &str| {
            let mut digest = Digest::default();
            digest.write_str(text).expect("a digest");
            digest.to_string()
        };
        assert_eq!(of(""), "cbf29ce484222325");
        assert_eq!(of("a"), "af63dc4c8601ec8c");
        assert_eq!(of("foobar"), "85944171f73967e8");
    }

    #[test]
    fn one_bit_makes_another() {
        let digest = |values: &[f32]| Digest::of(&values.to_vec());
        let values = [0.1f32, -0.0, f32::INFINITY, f32::NAN, 1e-45];
        assert_eq!(digest(&values), digest(&values));
        assert_eq!(digest(&[f32::NAN]), digest(&[-f32::NAN]));
        for at in [0, 1, 4] {
            let mut other = values;
            other[at] = match at {
                1 => 0.0,
                _ => f32::from_bits(other[at].to_bits() + 1),
            };
            assert_ne!(digest(&values), digest(&other), "{at}");
        }
    }
}
