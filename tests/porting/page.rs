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
    let mut library = String::new();
    let mut claims = BTreeSet::new();
    for line in PAGE.lines() {
        if let Some((name, _)) = heading(line) {
            library = name;
        }
        let figure = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |"));
        if let Some((figure, _)) = figure {
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
