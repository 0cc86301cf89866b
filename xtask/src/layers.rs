//! The layers of the library: each file imports from those below it alone, and from where a thing is
//! defined.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use syn::visit::{self, Visit};

use crate::commands::workspace;
use crate::note;

/// The modules of the library's root, from the lowest layer to the highest. Those of one layer may
/// import from one another where the last column says so: in its own order, from the left.
const LAYERS: [&[&str]; 7] = [
    // The vocabulary.
    &[
        "error", "memory", "element", "logits", "axis", "weights", "targets", "segments",
        "upstream", "partial",
    ],
    &["kernel"],
    &["plan"],
    &["pipelines"],
    &["ops"],
    &["engine"],
    &["cpu", "runtime"],
];

/// The layers, and those who know no wgpu among them.
const WITHOUT_WGPU: usize = 3;

/// An import that may not be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    file: String,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

/// Reads every file of the library; exit code 1 where one imports what it may not.
pub fn run() -> ExitCode {
    match faults(&workspace().join("src")) {
        Ok((files, faults)) if faults.is_empty() => {
            note(&format!("{files} files import from the layers below them alone"));
            ExitCode::SUCCESS
        }
        Ok((_, faults)) => {
            for fault in &faults {
                println!("{fault}");
            }
            note(&format!("{} imports run up, or through the roof", faults.len()));
            ExitCode::FAILURE
        }
        Err(message) => {
            note(&message);
            ExitCode::FAILURE
        }
    }
}

/// How many files there are, and what is wrong with them.
fn faults(sources: &Path) -> Result<(usize, BTreeSet<Fault>), String> {
    let mut files = Vec::new();
    rust_files(sources, &mut files)?;
    let mut faults = BTreeSet::new();
    for (name, text) in &files {
        faults.extend(of_file(name, text)?);
    }
    Ok((files.len(), faults))
}

/// Every file below a folder with its text, by its path there.
fn rust_files(sources: &Path, files: &mut Vec<(String, String)>) -> Result<(), String> {
    fn below(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> Result<(), String> {
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        for entry in fs::read_dir(folder).map_err(said)? {
            let path = entry.map_err(said)?.path();
            if path.is_dir() {
                below(root, &path, files)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).map_err(said)?;
                let name = path.strip_prefix(root).unwrap_or(&path);
                let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
                files.push((parts.join("/"), text));
            }
        }
        Ok(())
    }
    below(sources, sources, files)
}

/// The layer of a module of the root.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// What is wrong with a file, by its path below `src`.
fn of_file(name: &str, text: &str) -> Result<Vec<Fault>, String> {
    let module = name.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    if module == "lib" {
        return Ok(Vec::new()); // the roof, which stands on everything
    }
    let fault = |what: String| Fault { file: name.to_owned(), what };
    let Some(own) = layer(module) else {
        return Ok(vec![fault(format!("{module} stands in no layer of xtask/src/layers.rs"))]);
    };
    let parsed = syn::parse_file(text).map_err(|error| format!("{name}: {error}"))?;
    let mut imports = Imports { paths: Vec::new() };
    imports.visit_file(&parsed);
    let mut faults = Vec::new();
    for path in imports.paths {
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["crate", first, ..] => match layer(first) {
                None => faults.push(fault(format!("crate::{first} is not where it is defined"))),
                Some(other) if other > own => {
                    faults
                        .push(fault(format!("imports from {first}, which stands above {module}")));
                }
                Some(other) if other == own && runs_up(own, module, first) => {
                    faults
                        .push(fault(format!("imports from {first}, which stands beside {module}")));
                }
                Some(_) => {}
            },
            ["wgpu", ..] if own < WITHOUT_WGPU => {
                faults.push(fault(format!("names wgpu, which {module} knows nothing of")));
            }
            _ => {}
        }
    }
    Ok(faults)
}

/// Whether a module of a layer imports from one that stands behind it there.
fn runs_up(layer: usize, from: &str, to: &str) -> bool {
    let place = |name| LAYERS[layer].iter().position(|module| *module == name);
    place(to) > place(from)
}

/// The paths of a file's imports and of what it names in full, tests left out.
struct Imports {
    paths: Vec<Vec<String>>,
}

impl Imports {
    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.paths.push(with(&name.ident)),
            syn::UseTree::Rename(name) => self.paths.push(with(&name.ident)),
            syn::UseTree::Glob(_) => self.paths.push(before.to_vec()),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.tree(before, tree));
            }
        }
    }
}

/// Whether an item is of tests alone.
fn is_of_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_of_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_of_tests(&item.attrs) {
            self.tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        self.paths.push(names.collect());
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> Vec<String> {
        let faults = of_file(name, text).expect("Rust");
        faults.into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn arrows_that_run_up_are_found() {
        assert_eq!(
            found("kernel/link.rs", "use crate::plan::{Tuning, reduce::Nest};"),
            ["imports from plan, which stands above kernel"; 2]
        );
        assert_eq!(found("plan/mod.rs", "use crate::kernel::Team;"), Vec::<String>::new());
        assert_eq!(
            found("plan/mod.rs", "fn f(_: crate::ops::Pass) {}"),
            ["imports from ops, which stands above plan"]
        );
        assert_eq!(
            found("plan/chunks.rs", "fn f(limits: &wgpu::Limits) {}"),
            ["names wgpu, which plan knows nothing of"]
        );
        assert_eq!(
            found("cpu/mod.rs", "use crate::runtime::Gpu;"),
            ["imports from runtime, which stands beside cpu"]
        );
        let of_tests = "#[cfg(test)] mod tests { use crate::cpu::Oracle; }";
        assert_eq!(found("kernel/mod.rs", of_tests), Vec::<String>::new());
    }

    #[test]
    fn the_roof_is_no_room() {
        assert_eq!(
            found("ops/rows.rs", "use crate::{Shape, plan::choose};"),
            ["crate::Shape is not where it is defined"]
        );
        assert_eq!(found("lib.rs", "pub use ops::Step;"), Vec::<String>::new());
        assert_eq!(found("new.rs", ""), ["new stands in no layer of xtask/src/layers.rs"]);
    }

    #[test]
    fn the_library_stands() {
        let (files, faults) = faults(&workspace().join("src")).expect("the library's files");
        assert!(files > 200, "{files} files");
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
