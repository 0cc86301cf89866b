//! The logits that llama.cpp's `llama-perplexity --save-all-logits` writes: tokens, and for each
//! position in the second half of a chunk the log-probabilities of all next tokens, in 16 bits.

use std::ops::Range;
use std::sync::OnceLock;

use super::dtype::Dtype;
use super::memory;
use super::tensor::Tensor;

const MAGIC: &[u8] = b"_logits_";

/// Bytes before the tokens: the magic string and three counts.
const HEADER: usize = 20;

/// What a class is below the most likely one, in nats, before it is stored as exactly that.
const CLAMP: f32 = 16.0;

/// Whether the bytes start as such a file does.
pub fn is_llama(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A file of logits, its size checked against its counts.
pub struct Llama {
    /// Tokens of a chunk.
    context: usize,
    /// Tokens that there are to choose from.
    pub classes: usize,
    chunks: usize,
    decoded: OnceLock<Result<Vec<f32>, String>>,
    targets: OnceLock<Result<Vec<i32>, String>>,
}

impl Llama {
    /// Reads the counts.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes.strip_prefix(MAGIC).ok_or("no llama.cpp logits: wrong magic string")?;
        let truncated = || "truncated inside the header of llama.cpp's logits".to_owned();
        let (counts, _) = rest.split_first_chunk::<12>().ok_or_else(truncated)?;
        let count = |at: usize, what: &str| {
            let value = integer(&counts[4 * at..]);
            let counted = usize::try_from(value).ok().filter(|count| *count > 0);
            counted.ok_or_else(|| {
                format!(
                    "wrong header of llama.cpp's logits: {what}: expected at least 1, found {value}"
                )
            })
        };
        let context = count(0, "tokens of a chunk")?;
        let classes = count(1, "size of the vocabulary")?;
        let chunks = count(2, "number of chunks")?;
        let file =
            Self { context, classes, chunks, decoded: OnceLock::new(), targets: OnceLock::new() };
        let expected = file.size().ok_or("wrong header of llama.cpp's logits: too large")?;
        let found = bytes.len();
        if found != expected {
            let what = if found < expected { "truncated" } else { "bytes after the last row" };
            return Err(format!(
                "{what}: llama.cpp's logits of {chunks} chunks of {context} tokens, vocabulary of \
                 {classes}, take {expected} bytes, the file has {found}{}",
                file.whole_rows(found)
            ));
        }
        Ok(file)
    }

    /// Which part of a truncated file is there.
    fn whole_rows(&self, found: usize) -> String {
        let start = HEADER + 4 * self.chunks * self.context;
        let rows = self.chunks * self.rows_of_chunk();
        match found.checked_sub(start) {
            Some(records) if records / self.record() < rows => {
                let whole = records / self.record();
                let chunk = whole.checked_div(self.rows_of_chunk()).unwrap_or(0);
                format!(", which ends in row {whole} of {rows}, chunk {chunk}")
            }
            Some(_) => String::new(),
            None => ", which ends among the tokens".to_owned(),
        }
    }

    /// Rows of a chunk: predictions of the tokens after its first half.
    fn rows_of_chunk(&self) -> usize {
        self.context - 1 - self.context / 2
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.chunks * self.rows_of_chunk()
    }

    /// Bytes of a row: two floats, and 16 bits for each class, of which there are an even number.
    fn record(&self) -> usize {
        8 + 4 * self.classes.div_ceil(2)
    }

    /// Bytes of the file, where they can be counted.
    fn size(&self) -> Option<usize> {
        let tokens = self.chunks.checked_mul(self.context)?.checked_mul(4)?;
        let rows = self.chunks.checked_mul(self.rows_of_chunk())?;
        rows.checked_mul(self.record())?.checked_add(tokens)?.checked_add(HEADER)
    }

    fn bytes_of_row(&self, row: usize) -> Range<usize> {
        let start = HEADER + 4 * self.chunks * self.context + row * self.record();
        start..start + self.record()
    }

    /// Its arrays, without elements: the log-probabilities, which are logits as well, and the
    /// targets.
    pub fn tensors(&self) -> Vec<Tensor<'static>> {
        let tensor = |name: &str, dtype, shape| Tensor {
            name: Some(name.to_owned()),
            dtype,
            shape,
            fortran_order: false,
            big_endian: cfg!(target_endian = "big"),
            bytes: &[],
        };
        let rows = self.rows();
        vec![
            tensor("logits", Dtype::F32, vec![rows, self.classes]),
            tensor("targets", Dtype::I32, vec![rows]),
        ]
    }

    /// One of them, by its place in that list, of the bytes that this was read from.
    pub fn read<'a>(&'a self, bytes: &[u8], at: usize) -> Result<Tensor<'a>, String> {
        let elements: &[u8] = match at {
            0 => bytemuck::cast_slice(self.log_probabilities(bytes)?),
            _ => bytemuck::cast_slice(self.targets(bytes)?),
        };
        let tensor = self.tensors().into_iter().nth(at).ok_or("no such array")?;
        Tensor { bytes: elements, ..tensor }.checked()
    }

    fn log_probabilities(&self, bytes: &[u8]) -> Result<&[f32], String> {
        let decoded = self.decoded.get_or_init(|| {
            let mut all = memory::vector(self.rows().saturating_mul(self.classes))?;
            for row in 0..self.rows() {
                let row = Row::of(&bytes[self.bytes_of_row(row)]);
                all.extend((0..self.classes).map(|class| row.log_probability(class)));
            }
            Ok(all)
        });
        decoded.as_ref().map(Vec::as_slice).map_err(String::clone)
    }

    /// The token after each prediction.
    fn targets(&self, bytes: &[u8]) -> Result<&[i32], String> {
        let targets = self.targets.get_or_init(|| {
            let of_chunk = |chunk: usize| {
                let first = chunk * self.context + self.context / 2 + 1;
                (first..first + self.rows_of_chunk())
                    .map(|token| integer(&bytes[HEADER + 4 * token..]))
            };
            memory::collect(self.rows(), (0..self.chunks).flat_map(of_chunk))
        });
        targets.as_ref().map(Vec::as_slice).map_err(String::clone)
    }

    /// How many values have the least code of their row; and of these, how many are stored as 16
    /// below the most likely class, however far below they are.
    pub fn lowest(&self, bytes: &[u8]) -> (usize, usize) {
        let of_row = |row| {
            let row = Row::of(&bytes[self.bytes_of_row(row)]);
            let lowest = (0..self.classes).filter(|class| row.code(*class) == 0).count();
            (lowest, if row.has_clamp() { lowest } else { 0 })
        };
        (0..self.rows()).map(of_row).fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
    }

    /// Whether a class of a row is among these.
    pub fn is_clamped(&self, bytes: &[u8], row: usize, class: usize) -> bool {
        if row >= self.rows() || class >= self.classes {
            return false;
        }
        let row = Row::of(&bytes[self.bytes_of_row(row)]);
        row.has_clamp() && row.code(class) == 0
    }
}

/// The bytes of a row.
struct Row<'a> {
    scale: f32,
    least: f32,
    codes: &'a [u8],
}

impl<'a> Row<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let float = |at: usize| f32::from_bits(integer(&bytes[at..]) as u32);
        Self { scale: float(0), least: float(4), codes: &bytes[8..] }
    }

    fn code(&self, class: usize) -> u16 {
        u16::from_le_bytes([self.codes[2 * class], self.codes[2 * class + 1]])
    }

    /// Rounded once.
    fn log_probability(&self, class: usize) -> f32 {
        (f64::from(self.scale) * f64::from(self.code(class)) + f64::from(self.least)) as f32
    }

    /// Whether its classes span as much as is stored, up to the rounding of large logits: in a row
    /// that spans less nothing is clamped.
    fn has_clamp(&self) -> bool {
        (self.scale * 65_535.0 - CLAMP).abs() <= CLAMP * 1e-4
    }
}

/// A little-endian integer at the start of these bytes.
fn integer(bytes: &[u8]) -> i32 {
    bytes.first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes))
}
