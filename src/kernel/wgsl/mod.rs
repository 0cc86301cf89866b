//! WGSL as text: its tokens, and the rules that browsers hold a module to and naga does not.

pub mod rules;
pub(in crate::kernel) mod tokens;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Byte from the start of the text.
    pub at: usize,
    /// What is wrong, as half a sentence.
    pub reason: String,
}

impl Fault {
    pub(in crate::kernel) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self { at, reason: reason.into() }
    }
}

/// Number of the line that holds a byte, from 1 on, and its text without the space around it.
pub fn line_at(text: &str, at: usize) -> (usize, &str) {
    let at = at.min(text.len());
    let number = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    (number, text.lines().nth(number - 1).unwrap_or_default().trim())
}
