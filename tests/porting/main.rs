//! `docs/porting.md`: the figures that other libraries print, as they printed them, and the options here
//! that give them.
//!
//! `print.py` asked the libraries, whose versions `requirements.txt` has, about the batch of `inputs.json`
//! and wrote `printed.json`. Every figure there is one of [`FIGURES`](figures::FIGURES), and a row of the
//! page.

mod figures;
#[path = "../common/gpus.rs"]
mod gpus;
mod inputs;
mod page;

use std::collections::BTreeSet;

use figures::FIGURES;
use inputs::{Printed, printed};
use wgpu_loss::{Engine, cpu};

/// Of float32: a last place or two of theirs beside ours.
const RELATIVE: f64 = 2e-6;
const ABSOLUTE: f64 = 1e-7;

/// Asks an engine for every figure.
fn agree(engine: &dyn Engine) {
    let mut wrong = Vec::new();
    for (library, row, figure) in FIGURES {
        let Some(expected) = printed().iter().find(|each| each.is(library, row)) else {
            wrong.push(format!("{library}, {row}: not printed"));
            continue;
        };
        match figure(engine) {
            Ok(found) if are_close(&found, &expected.values) => {}
            Ok(found) => {
                wrong.push(format!("{library}, {row}: {found:?}, printed {:?}", expected.values));
            }
            Err(error) => wrong.push(format!("{library}, {row}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", engine.name(), wrong.join("\n"));
}

fn are_close(found: &[f32], expected: &[f64]) -> bool {
    let is_close = |(&found, &expected): (&f32, &f64)| {
        let found = f64::from(found);
        let allowed = ABSOLUTE + RELATIVE * expected.abs();
        (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= allowed
    };
    found.len() == expected.len() && found.iter().zip(expected).all(is_close)
}

#[test]
fn the_oracle_gives_what_they_print() {
    agree(&cpu::Oracle);
}

#[test]
fn the_cpu_gives_what_they_print() {
    agree(&cpu::Fast);
}

#[test]
fn the_gpu_gives_what_they_print() {
    agree(gpus::gpu());
}

/// What was printed, what is tested and what the page claims are the same figures.
#[test]
fn the_page_claims_what_is_tested() {
    let of_printed = |each: &Printed| (each.library.clone(), each.row.clone());
    let printed: BTreeSet<_> = printed().iter().map(of_printed).collect();
    let of_figure = |(library, row, _): &figures::Figure| (library.to_string(), row.to_string());
    let tested: BTreeSet<_> = FIGURES.iter().map(of_figure).collect();
    assert_eq!(tested.len(), FIGURES.len(), "a figure is there twice");
    assert_eq!(printed, tested, "printed, tested");
    assert_eq!(page::claims(), tested, "of the page, tested");
}

/// The page names the version that printed the figures.
#[test]
fn the_page_names_the_versions() {
    let printed: BTreeSet<_> =
        printed().iter().map(|each| (each.library.clone(), each.version.clone())).collect();
    let known = page::libraries();
    for library in &printed {
        assert!(known.contains(library), "{library:?} is not among {known:?}");
    }
}
