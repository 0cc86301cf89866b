//! Mutations: kernels of a text that was changed, for tests that ask whether anybody notices. There are
//! none in release builds.

use std::borrow::Cow;

/// A piece of a file of `shaders/`, and what takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The file, by its path in `shaders/`.
    pub file: &'static str,
    /// A text that the file holds once.
    pub original: &'static str,
    /// What takes its place.
    pub replacement: &'static str,
}

impl Mutation {
    /// What becomes of a file.
    pub(super) fn of(&self, path: &str, text: &'static str) -> Cow<'static, str> {
        match path == self.file {
            true => Cow::Owned(text.replacen(self.original, self.replacement, 1)),
            false => Cow::Borrowed(text),
        }
    }
}
