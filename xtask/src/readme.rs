//! README's tables of speed, drawn from the records.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::commands::workspace;
use crate::{note, record};

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// Rewrites README's tables; exit code 1 where its markers or the records are not as expected.
pub fn run() -> ExitCode {
    match rewrite(&workspace()) {
        Ok(message) => {
            note(&message);
            ExitCode::SUCCESS
        }
        Err(message) => {
            note(&message);
            ExitCode::FAILURE
        }
    }
}

/// README as it is, and as it should be.
fn texts(workspace: &Path) -> Result<(String, String), String> {
    let readme = workspace.join("README.md");
    let text =
        fs::read_to_string(&readme).map_err(|error| format!("{}: {error}", readme.display()))?;
    let records = record::read(&workspace.join("benches").join("record"))?;
    if records.is_empty() {
        return Err("benches/record holds no bench.json: cargo xtask roofline".to_owned());
    }
    let updated = between_markers(&text, &record::markdown(&records))?;
    Ok((text, updated))
}

fn rewrite(workspace: &Path) -> Result<String, String> {
    let (text, updated) = texts(workspace)?;
    if text == updated {
        return Ok("README.md shows the records already".to_owned());
    }
    let readme = workspace.join("README.md");
    let fail = |error: std::io::Error| format!("{}: {error}", readme.display());
    let mut file = tempfile::NamedTempFile::new_in(workspace).map_err(fail)?;
    file.write_all(updated.as_bytes()).map_err(fail)?;
    let permissions = fs::metadata(&readme).map_err(fail)?.permissions();
    file.as_file().set_permissions(permissions).map_err(fail)?;
    file.persist(&readme).map_err(|error| fail(error.error))?;
    Ok("README.md shows the records now".to_owned())
}

/// The text with something else between its markers, which must be there once and in order.
fn between_markers(text: &str, tables: &str) -> Result<String, String> {
    let missing = || format!("README.md needs one {BEGIN} and, behind it, one {END}");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    if [before, after].iter().any(|part| part.contains(BEGIN) || part.contains(END)) {
        return Err(missing());
    }
    Ok(format!("{before}{BEGIN}\n\n{tables}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_records() {
        let (text, updated) = texts(&workspace()).expect("README.md and records");
        assert!(text == updated, "README.md is out of date: cargo xtask readme");
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let updated = between_markers(&text, "new").expect("markers");
        assert_eq!(updated, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(between_markers(&updated, "new").as_ref(), Ok(&updated));
        for wrong in ["", BEGIN, END, &format!("{END}{BEGIN}"), &format!("{text}{text}")] {
            assert!(between_markers(wrong, "new").is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rewrite_is_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let readme = folder.path().join("README.md");
        fs::write(&readme, "no markers").expect("written");
        assert!(rewrite(folder.path()).is_err());
        assert_eq!(fs::read_to_string(&readme).ok().as_deref(), Some("no markers"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
