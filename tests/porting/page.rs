//! What `docs/porting.md` says: a heading `## LIBRARY VERSION`, and a table whose rows begin with a figure
//! in backticks where that is equal here.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/porting.md");

/// The libraries with their versions.
pub fn libraries() -> BTreeSet<(String, String)> {
    PAGE.lines().filter_map(heading).collect()
}

/// The figures of each library that are said to be equal.
pub fn claims() -> BTreeSet<(String, String)> {
    let mut library = None;
    let mut claims = BTreeSet::new();
    for line in PAGE.lines() {
        if let Some((name, _)) = heading(line) {
            library = Some(name);
        }
        let figure = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |"));
        // The table before the first library is of the options here.
        if let (Some((figure, _)), Some(library)) = (figure, &library) {
            assert!(claims.insert((library.clone(), figure.to_owned())), "twice: {line}");
        }
    }
    claims
}

fn heading(line: &str) -> Option<(String, String)> {
    let (name, version) = line.strip_prefix("## ")?.rsplit_once(' ')?;
    let is_version = version.starts_with(|first: char| first.is_ascii_digit());
    is_version.then(|| (name.to_owned(), version.to_owned()))
}
