//! Digests of what the GPU returns, case by case, and how those of two builds differ.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::commands::{Step, UNOPTIMISED, cargo, workspace};
use crate::note;
use crate::suite::{cores, side_by_side};

/// What every line of theirs begins with.
const MARK: &str = "digest\t";

/// Differences that are named before the rest is only counted.
const SHOWN: usize = 40;

/// The digests by the names of what they are of.
type Digests = BTreeMap<String, String>;

/// Writes the digests to a file, and compares them with another file's; exit code 1 where they differ.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let (out, against) = match arguments {
        [out] => (out, None),
        [out, option, against] if option == "--against" => (out, Some(PathBuf::from(against))),
        _ => {
            note("digests: expected FILE, or FILE --against OTHER");
            return ExitCode::from(2);
        }
    };
    match found(&PathBuf::from(out), against) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            note(&why);
            ExitCode::FAILURE
        }
    }
}

fn found(out: &PathBuf, against: Option<PathBuf>) -> Result<bool, String> {
    let text_of = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let before = against.as_ref().map(text_of).transpose()?;
    let steps = [("digests", "digests_of"), ("conformance", "gpu::")].map(|(file, tests)| {
        Step::new(cargo())
            .folder(&workspace())
            .arguments([
                "test",
                "--workspace",
                "--test",
                file,
                "--",
                "--include-ignored",
                "--nocapture",
                tests,
            ])
            .variable("WGPU_VALIDATION", "0")
            .variable("RUST_TEST_THREADS", "1")
            .variable(UNOPTIMISED.0, UNOPTIMISED.1)
    });
    let (mut digests, mut failed) = (Digests::new(), Vec::new());
    side_by_side(steps.into(), cores(), Step::output, |step, output| match output {
        Ok(output) if output.status.success() => {
            digests.extend(read(&String::from_utf8_lossy(&output.stdout)));
        }
        Ok(output) => failed.push(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => failed.push(format!("{step}: {error}")),
    });
    if !failed.is_empty() {
        return Err(failed.join("\n"));
    }
    let lines: String =
        digests.iter().map(|(name, digest)| format!("{MARK}{name}\t{digest}\n")).collect();
    fs::write(out, lines).map_err(|error| format!("{}: {error}", out.display()))?;
    note(&format!("{} digests in {}", digests.len(), out.display()));
    let Some(before) = before else { return Ok(true) };
    let differences = differences(&read(&before), &digests);
    for difference in differences.iter().take(SHOWN) {
        println!("{difference}");
    }
    note(&format!("{} differ", differences.len()));
    Ok(differences.is_empty())
}

/// The digests of a text: the harness may have begun a line of them.
fn read(text: &str) -> Digests {
    let line = |line: &str| {
        let (_, fields) = line.split_once(MARK)?;
        let (name, digest) = fields.rsplit_once('\t')?;
        Some((name.to_owned(), digest.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// What is another, gone or new, in words.
fn differences(before: &Digests, now: &Digests) -> Vec<String> {
    let changed = before.iter().filter_map(|(name, digest)| match now.get(name) {
        Some(other) if other == digest => None,
        Some(other) => Some(format!("{name}: {other}, was {digest}")),
        None => Some(format!("{name}: gone")),
    });
    let new = now.keys().filter(|name| !before.contains_key(*name));
    changed.chain(new.map(|name| format!("{name}: new"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let before =
            read("test it ... digest\ta case, 3 x 4\taf63\ndigest\tb\t01\ndigest\tc\t02\n");
        let now = read("noise\n\ndigest\ta case, 3 x 4\taf63\ndigest\tb\t11\ndigest\td\t02\n");
        assert_eq!(before.len(), 3);
        assert_eq!(differences(&before, &before), Vec::<String>::new());
        assert_eq!(differences(&before, &now), ["b: 11, was 01", "c: gone", "d: new"]);
    }
}
