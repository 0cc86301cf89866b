//! Memory for what a file cannot be read in place of.

use std::io::{self, Read};

/// Below this, no question is asked before.
const LITTLE: u64 = 1 << 26;

/// An empty vector with room for so many elements, or what is wrong with that.
pub fn vector<T>(length: usize) -> Result<Vec<T>, String> {
    let mut vector = Vec::new();
    reserve(&mut vector, length)?;
    Ok(vector)
}

/// Elements that an iterator of a known length gives.
pub fn collect<T>(length: usize, elements: impl Iterator<Item = T>) -> Result<Vec<T>, String> {
    let mut vector = vector(length)?;
    vector.extend(elements.take(length));
    Ok(vector)
}

/// Makes room for more elements.
fn reserve<T>(vector: &mut Vec<T>, more: usize) -> Result<(), String> {
    let refused = |found| format!("memory: expected {} bytes, found {found}", bytes::<T>(more));
    if bytes::<T>(more) > LITTLE
        && let Some(free) = free()
        && bytes::<T>(more) > free
    {
        return Err(refused(format!("{free} free")));
    }
    vector.try_reserve_exact(more).map_err(|_| refused("fewer".to_owned()))
}

fn bytes<T>(length: usize) -> u64 {
    (length as u64).saturating_mul(size_of::<T>() as u64)
}

/// Everything that there is to read, of `length` bytes where that is known.
pub fn read_all(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let more = bytes.len().clamp(1 << 16, 1 << 28);
        let out_of_memory = |message: String| {
            io::Error::new(io::ErrorKind::OutOfMemory, format!("does not fit in {message}"))
        };
        reserve(&mut bytes, more).map_err(out_of_memory)?;
        if (&mut from).take(more as u64).read_to_end(&mut bytes)? < more {
            return Ok(bytes);
        }
    }
}

/// Bytes that the system could still give, where it tells.
fn free() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        for length in [usize::MAX, isize::MAX as usize, 1 << 50] {
            let message = vector::<f32>(length).expect_err("more than there is");
            assert!(message.starts_with("memory: expected "), "{message}");
        }
        assert_eq!(collect(3, 0..9), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn streams_of_every_length_are_read_whole() {
        for length in [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 17) + 5, 400_000] {
            let bytes: Vec<u8> = (0..length).map(|at: usize| (at % 251) as u8).collect();
            assert_eq!(read_all(bytes.as_slice()).expect("read"), bytes, "{length}");
        }
    }
}
