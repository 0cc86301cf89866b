//! Files that are written: whole, or not there.

use super::formulas::{focal, kl_divergence};
use super::{LOGITS, TEACHER, eval, file, one_hot, row};
use crate::common::{Folder, arrays, text};
use crate::reduce::contains;

#[test]
fn results_are_written_with_their_dimensions() {
    let folder = Folder::new();
    let file = file(&folder);
    let path = folder.path("out.safetensors");
    let out = text(&path);
    let focal: Vec<_> =
        (0..4).map(|i| focal(&row(&LOGITS, i), &one_hot(i), &[1.0; 3], 2.0, 1.0) as f32).collect();
    let kl: Vec<_> =
        (0..4).map(|i| kl_divergence(&row(&LOGITS, i), &row(&TEACHER, i), 1.0) as f32).collect();
    for engine in crate::ENGINES {
        for (name, losses) in [("softmax-focal", &focal), ("softmax-kl-divergence", &kl)] {
            let run = eval(&file, &format!("{name} FILE --out {out} --device {engine}"));
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert!(run.stdout.contains("written"), "{}", run.stdout);
            let [only] = arrays(&path).try_into().unwrap_or_else(|_| panic!("one array of {name}"));
            contains(&only, "loss", &[4], losses);
        }
    }
    assert_eq!(folder.names(), ["file.safetensors", "out.safetensors"]);
}

#[test]
fn nothing_is_written_where_something_fails() {
    let folder = Folder::new();
    let file = file(&folder);
    let existing = folder.write("existing.safetensors", b"precious");
    for out in [existing.clone(), text(&folder.path("new.safetensors"))] {
        let line = "softmax-focal FILE --targets out --device cpu";
        eval(&file, &format!("{line} --out {out}")).fails_with("target of row 3");
    }
    assert_eq!(std::fs::read(&existing).expect("still there"), b"precious");
    let missing = text(&folder.path("missing/out.safetensors"));
    eval(&file, &format!("softmax-jensen-shannon FILE --device cpu --out {missing}"))
        .fails_with("cannot be written");
    assert_eq!(folder.names(), ["existing.safetensors", "file.safetensors"]);
}
